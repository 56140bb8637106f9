import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Audit } from '../../src/audit/audit.ts';
import { passes } from '../../src/layout.ts';
import { assertGolden, fixtures } from '../support/golden.ts';
import { parseReport } from '../support/itemized.ts';
import { nights, seenIn, type NamedNight } from '../support/nights.ts';
import { recordingName, reportsOf } from '../support/recordings.ts';
import { auditOf, catalogueOf, findingsOf } from '../support/trees.ts';

const folder = `${fixtures}itemize`;
const files = readdirSync(folder);
const versions = [...new Set(files.map((name) => /\.(\d+\.\d+\.\d+[^.]*)\.txt$/.exec(name)?.[1] ?? assert.fail(name)))];

/** Parser and audit on a recorded report, against the replica that it was recorded with. */
function judged(night: NamedNight, recording: string) {
  const replica = seenIn(night.replica, night);
  const audit = new Audit(catalogueOf(replica), { initialising: night.initialising, window: undefined }, (path) => replica[path] !== undefined);
  const reports = reportsOf(recording);
  for (const pass of passes) {
    audit.begin(pass);
    for (const change of parseReport(reports[pass])) audit.judge(change);
  }
  return audit.verdict({});
}

test('there are recordings, and each is of a night that we know', () => {
  assert.ok(versions.length > 0);
  assert.deepEqual(files.sort(), versions.flatMap((version) => nights.map(({ name }) => recordingName(name, version))).sort());
});

/** Our rsync is two processes that print side by side, so that the order of two lines may differ from run to run. */
const sorted = (report: string): string[] => report.split('\n').sort();

test('what rsync reports is the same in every version, but for the order of lines', () => {
  for (const { name } of nights) {
    const [first, ...others] = versions.map((version) => reportsOf(readFileSync(`${folder}/${recordingName(name, version)}`, 'latin1')));
    for (const pass of passes) for (const other of others) assert.deepEqual(sorted(other[pass]), sorted(first?.[pass] ?? ''), `${name}, pass ${pass}`);
  }
});

for (const version of versions) {
  describe(`rsync ${version}`, () => {
    for (const night of nights) {
      const read = (): string => readFileSync(`${folder}/${recordingName(night.name, version)}`, 'latin1');
      test(`${night.name}: ${night.findings.length === 0 ? 'clean' : night.findings.length > 5 ? `${night.findings.length} findings` : night.findings.join(', ').replace(/[0-9a-f]{64}/g, 'ID')}`, () => {
        assert.deepEqual(findingsOf(judged(night, read())), night.findings);
      });

      test(`${night.name}: counted like the simulated report`, () => {
        const simulated = auditOf({ ...night, replica: seenIn(night.replica, night), source: seenIn(night.source, night) });
        assert.deepEqual(judged(night, read()).counts, simulated.verdict.counts);
      });
    }
  });
}

test('a recording is ASCII but for DEL, whatever the names are', () => {
  for (const name of files) assert.match(readFileSync(`${folder}/${name}`, 'latin1'), /^[\t\n -\x7f]*$/, name);
});

test('the mail of the oddest night is as it was', () => {
  const night = nights.find(({ name }) => name === 'odd names on serverA');
  assert.ok(night);
  const found = judged(night, readFileSync(`${folder}/${recordingName(night.name, versions[0] ?? '')}`, 'latin1')).findings.kept;
  assertGolden('terminal/odd-names.txt', found.map(({ path }) => `${path}\n`).join(''));
});
