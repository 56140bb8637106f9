/** Drills of what a client with the password has made, and restics that never come to an end: a drill fails or passes, in its bounds, and fails no night. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Blob, dataBlob, Forge, idOf, treeBlob } from '../support/forge.ts';
import { processesOf } from '../support/processes.ts';
import { configWith, type Place, rescuePlace, scriptedRestic } from '../support/rescue.ts';

/** A program in restic's place that does what restic does, but for what stands before. */
const almost = (place: Place, script: string): string => {
  const real = execFileSync('sh', ['-c', 'realpath "$(command -v restic)"'], { encoding: 'utf8' }).trim();
  return scriptedRestic(place, `command=; for word in "$@"; do case $word in restore|dump|ls) command=$word; break;; esac; done\n${script}\nexec ${real} "$@"`);
};

describe('a drill of what a client with the password has made', () => {
  const ended: (() => void)[] = [];
  process.once('exit', () => { ended.forEach((work) => { work(); }); });
  const inTheEnd = { after: (work: () => void) => ended.push(work) };

  /** A place whose newest snapshot, from the year 2099, has these files. */
  const forged = async (files: Readonly<Record<string, readonly Blob[]>>, { tag = '', node = {} }: { tag?: string; node?: Readonly<Record<string, unknown>> } = {}): Promise<Place> => {
    const place = await rescuePlace(inTheEnd, { owner: 'ordinary', fill: (folder) => { writeFileSync(join(folder, 'honest'), 'honest'); } });
    const forge = await Forge.of(place.repository);
    const tree = treeBlob(files, node);
    const data = [...new Map(Object.values(files).flat().map((blob) => [idOf(blob), blob])).values()];
    forge.index({ packs: [forge.pack(data), forge.pack([tree])] });
    forge.snapshot(idOf(tree), { time: '2099-01-01T00:00:00+13:59', tags: [tag] });
    execFileSync('chmod', ['-R', 'a+rX', place.repository.path]);
    const { code, stdout, stderr } = await place.run(['sync']);
    assert.equal(code, 0, stdout + stderr);
    return place;
  };

  test('names that no file can have are passed over, and so is all that stands before the ID of a snapshot', async () => {
    const x = dataBlob('x');
    const place = await forged({ 'nul\\x00': [x], ['n'.repeat(140_000)]: [x], 'right\\n\\"id\\":\\"': [x] }, { tag: `,"id":"${'b'.repeat(64)}"${'t'.repeat(200_000)}` });
    const earlier = place.replicaNow();
    const { code, stdout, stderr } = await place.run(['drill']);
    assert.deepEqual([code, stdout], [0, 'nightly: 2 files (7 B) of 2 snapshots restored: right\n'], stderr);
    assert.deepEqual(place.replicaNow(), earlier);
  });

  test('a size that lies fails it: what comes is another length; a night that tries is warned, not failed', async () => {
    const place = await forged({ large: [dataBlob('more than one byte')] }, { node: { size: 1 } });
    const { code, stdout } = await place.run(['drill']);
    assert.equal(code, 4, stdout);
    assert.match(stdout, /1 files have another size than ls says: \/large/);
    const night = await place.run(['--json', 'sync']);
    assert.deepEqual([night.code, night.json().runs[0].outcome, night.json().runs[0].drill.passed], [4, 'warned', false]);
  });
});

describe('a drill with a restic that comes to no end', () => {
  let place: Place;
  const ended: (() => void)[] = [];
  before(async () => {
    place = await rescuePlace({ after: (work) => ended.push(work) }, { owner: 'ordinary' });
    process.once('exit', () => { ended.forEach((work) => { work(); }); });
  });

  const endless: readonly (readonly [what: string, script: string, says: RegExp])[] = [
    ['dumps for ever', '[ "$command" = dump ] && exec yes', /files are not what restic dump says: it gives more than ls says of \//],
    ['restores nothing, and dumps for ever', '[ "$command" = restore ] && exit 0; [ "$command" = dump ] && exec yes', / files did not come: \//],
    ['restores more than was chosen, and for ever', '[ "$command" = restore ] && { for word do [ "$last" = --target ] && { mkdir -p "$word"; cd "$word"; seq 20000 | xargs touch; }; last=$word; done; }', /files came that were not chosen, more than can be counted/],
    ['prints what is no JSON', '[ "$command" = ls ] && { head -c 3000000 /dev/zero; printf "\\n[1]\\nnull\\n"; exit 0; }', /no regular file of the snapshots fits/],
  ];
  for (const [what, script, says] of endless) {
    test(`one that ${what} fails it, in words`, async () => {
      const { code, stdout, stderr } = await place.run(['drill'], { config: configWith(place, { path: almost(place, script) }) });
      assert.equal(code, 4, stdout + stderr);
      assert.match(stdout, says);
      assert.deepEqual(processesOf(place.config.replica), []);
    });
  }

  const limited = (script: string, check: string): string => {
    const config = JSON.parse(readFileSync(configWith(place, { path: almost(place, script) }), 'utf8')) as { repositories: { nightly: Record<string, unknown> } };
    config.repositories.nightly['timeouts'] = { check };
    const file = join(place.folder, 'owned/limited.yaml');
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  };

  test('one that lists nothing for ever fails it when the time is over', async () => {
    const { code, stdout } = await place.run(['drill'], { config: limited('[ "$command" = ls ] && exec sleep 100000', '2s') });
    assert.equal(code, 4, stdout);
    assert.match(stdout, /not done within timeouts\.check/);
  });

  test('a wrong password is no drill: exit 1 that says so, and what the journal has of the last one stands', async () => {
    const lastDrill = async (): Promise<unknown> => (await place.run(['--json', 'status'])).json().repositories[0].lastDrill;
    assert.equal((await place.run(['drill'])).code, 0);
    const earlier = await lastDrill();
    const password = join(place.folder, 'owned/wrong');
    writeFileSync(password, 'wrong\n', { mode: 0o600 });
    execFileSync('chown', ['--reference', join(place.folder, 'owned/password'), password]);
    const { code, stderr } = await place.run(['drill'], { config: configWith(place, { passwordFile: password }) });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /cannot open the replica.*wrong password.*\n.*passwordFile or passwordCommand gives the wrong password/);
    assert.deepEqual(await lastDrill(), earlier);
  });
});
