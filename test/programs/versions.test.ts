import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isOlder, refusal, versionIn, type Versioned } from '../../src/programs/versions.ts';
import { versionVerdict } from '../../src/doctor/version-verdict.ts';
import { resticRecordings } from '../support/resticRecordings.ts';

describe('what a program says of its version', () => {
  const said: readonly (readonly [Versioned, string, string | undefined])[] = [
    ['rsync', 'rsync  version 3.2.7  protocol version 31\nCopyright', '3.2.7'],
    ['rsync', 'rsync  version v3.5.0dev  protocol', '3.5.0dev'],
    ['rsync', 'BusyBox', undefined], ['rsync', '', undefined], ['rsync', 'restic 0.14.0 compiled', undefined],
    ['restic', 'restic 0.14.0 compiled with go1.19.8 on linux/amd64\n', '0.14.0'],
    ['restic', 'restic 0.19.1-dev (compiled manually) compiled with go1.26', '0.19.1-dev'],
    ['restic', 'unknown command', undefined],
  ];
  for (const [program, text, version] of said) test(JSON.stringify(text), () => { assert.equal(versionIn(program, text), version); });

  for (const [version, recorded] of resticRecordings()) {
    test(`restic ${version}, as recorded`, () => {
      assert.equal(versionIn('restic', recorded.find(({ name }) => name === 'version')?.stdout ?? ''), version);
    });
  }
});

describe('which of two versions is older', () => {
  const ages: readonly (readonly [version: string, than: string, older: boolean])[] = [
    ['3.2.7', '3.5.0', true], ['3.5.0', '3.5.0', false], ['3.5.1', '3.5.0', false], ['3.10.0', '3.5.0', false], ['4.0.0', '3.5.0', false],
    ['2.9.9', '3.5.0', true], ['3.5', '3.5.0', false], ['3.4', '3.5.0', true], ['3.5.0pre1', '3.5.0', false], ['18.20.4', '20.0.0', true],
  ];
  for (const [version, than, older] of ages) test(`${version} and ${than}`, () => { assert.equal(isOlder(version, than), older); });
});

describe('what a version lacks', () => {
  const rows: readonly (readonly [Versioned, string, 'good' | 'warning' | 'bad', RegExp])[] = [
    ['rsync', '3.1.3', 'bad', /too old \(3\.2\.3 is needed\).*--max-alloc/], ['rsync', '3.2.2', 'bad', /too old/],
    ['rsync', '3.2.3', 'warning', /before 3\.5\.0/], ['rsync', '3.2.7', 'warning', /before 3\.5\.0/], ['rsync', '3.5.0', 'good', /^3\.5\.0 \(\/p\)$/], ['rsync', '3.5.1', 'good', /^3\.5\.1/],
    ['restic', '0.11.0', 'bad', /too old \(0\.14\.0 is needed\): its check compares no sizes/], ['restic', '0.13.1', 'bad', /too old/],
    ['restic', '0.14.0', 'good', /^0\.14\.0/], ['restic', '0.19.1', 'good', /^0\.19\.1/],
  ];
  for (const [program, version, standing, words] of rows) {
    test(`${program} ${version}: ${standing}`, () => {
      const verdict = versionVerdict(program, version, '/p');
      assert.equal(verdict.standing, standing);
      assert.match(verdict.words, words);
      assert.equal(refusal(program, version) !== undefined, standing === 'bad');
    });
  }
});
