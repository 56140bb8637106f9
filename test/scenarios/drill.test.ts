/** Drills: files chosen at random are restored in the box and compared. A restic that restores nothing, or something else, fails it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { clockAhead } from '../support/night.ts';
import { configWith, isRoot, type Place, rescuePlace, scriptedRestic } from '../support/rescue.ts';
import { processesOf } from '../support/processes.ts';

const day = 24 * 3600 * 1000;
/** Names that mean something else to a pattern, to a line, or to a shell. */
const names = ['a[1].txt', 'a1.txt', 'st*r', 'star', 'wh?t', 'new\nline', 'back\\slash', '-dash', "quote'", 'ü', 'sub/[dir]/file', 'empty'];

function fill(folder: string): void {
  mkdirSync(join(folder, 'sub/[dir]'), { recursive: true });
  for (const name of names) writeFileSync(join(folder, name), name === 'empty' ? '' : `content of ${name}`);
  chmodSync(join(folder, 'a1.txt'), 0);
  if (isRoot) execFileSync('chown', ['1234:1234', join(folder, 'star')]);
  chmodSync(join(folder, 'sub'), 0o500);
}

/** A program in restic's place that does what restic does, but for what stands before. */
const almost = (place: Place, script: string): string => {
  const real = execFileSync('sh', ['-c', 'realpath "$(command -v restic)"'], { encoding: 'utf8' }).trim();
  return scriptedRestic(place, `command=; for word in "$@"; do case $word in restore|dump|ls|snapshots) command=$word; break;; esac; done\n${script}\nexec ${real} "$@"`);
};

describe('drill', () => {
  let place: Place;
  const ended: (() => void)[] = [];
  before(async () => {
    place = await rescuePlace({ after: (work) => ended.push(work) }, { owner: 'ordinary', fill });
    writeFileSync(join(place.source, 'only in the newer one'), 'x');
    await place.repository.backup(place.source);
    execFileSync('chmod', ['-R', 'a+rX', place.repository.path]);
    assert.equal((await place.run(['sync'])).code, 0);
    process.once('exit', () => { ended.forEach((work) => { work(); }); });
  });

  const lastDrill = async (): Promise<unknown> => {
    const { lastDrill: last } = (await place.run(['--json', 'status'])).json().repositories[0];
    return last && [last.files, last.snapshots, last.passed];
  };

  test('all names come as they are; it is said, in the journal, the JSON, status, metrics and the report; the replica is as before', async () => {
    const earlier = place.replicaNow();
    assert.match((await place.run(['status'])).stdout, /last drill +never/);
    const { code, stdout, stderr } = await place.run(['drill']);
    assert.deepEqual([code, stdout], [0, `nightly: 25 files (385 B) of 2 snapshots restored: right\n`], stderr);
    const json = (await place.run(['--json', 'drill', 'nightly'])).json().drills;
    assert.deepEqual(json, [{ repository: 'nightly', drill: { files: 25, bytes: 385, snapshots: 2, passed: true, words: '' } }]);
    assert.deepEqual(await lastDrill(), [25, 2, true]);
    assert.match((await place.run(['status'])).stdout, /last drill +.* UTC, 25 files of 2 snapshots: right/);
    assert.match((await place.run(['history'])).stdout, /drilled +passed, 25 files \(385 B\) of 2 snapshots/);
    assert.deepEqual(place.replicaNow(), earlier);
    assert.deepEqual(processesOf(place.config.replica), []);
  });

  const liars: readonly (readonly [what: string, script: string, says: RegExp])[] = [
    ['restores nothing and says that all is well', '[ "$command" = restore ] && exit 0', /25 of 25 files did not come: /],
    ['takes names for patterns', '[ "$command" = restore ] && { for word do shift; set -- "$@" "$(printf "%sx" "$word" | tr -d "\\\\\\\\" | sed \'$ s/x$//\')"; done; }', /did not come|were not chosen|another size/],
    ['restores more than was asked for', `[ "$command" = restore ] && { "$0-not" 2>/dev/null; for word do [ "$last" = --target ] && { mkdir -p "$word"; echo x > "$word/more"; }; last=$word; done; }`, /files came that were not chosen/],
    ['dumps something else', '[ "$command" = dump ] && { echo something else; exit 0; }', /files are not what restic dump says: /],
    ['lists no file', '[ "$command" = ls ] && exit 0', /no regular file of the snapshots fits/],
    ['cannot list', '[ "$command" = ls ] && { echo "no such thing" >&2; exit 1; }', /restic ls: .*no such thing/],
    ['cannot dump', '[ "$command" = dump ] && { echo "no such thing" >&2; exit 1; }', /restic dump: .*no such thing/],
  ];
  for (const [what, script, says] of liars) {
    test(`a restic that ${what} fails it: exit 4, and words`, async () => {
      const { code, stdout, stderr } = await place.run(['drill'], { config: configWith(place, { path: almost(place, script) }) });
      assert.equal(code, 4, stdout + stderr);
      assert.match(stdout, /^nightly: the drill failed \(/);
      assert.match(stdout, says);
      assert.match(stdout, /rsync-ratchet explain drill-failed nightly/);
    });
  }

  test('a failed one is mailed each time and stands until one passes, which a night tries', async () => {
    const config = configWith(place, { path: almost(place, '[ "$command" = restore ] && exit 0') });
    const mails = place.config.mails().length;
    assert.equal((await place.run(['drill'], { config })).code, 4);
    const night = await place.run(['--json', 'sync'], { config });
    const [run] = night.json().runs;
    assert.deepEqual([night.code, run.drill.passed, run.findings.map(({ rule }: { rule: string }) => rule)], [4, false, ['drill-failed']]);
    const told = place.config.mails().slice(mails);
    assert.equal(told.length, 2);
    assert.match(told[0]?.subject ?? '', /^\[WARNING\] nightly on \S+: 1 drill-failed$/);
    assert.match(told[0]?.text ?? '', /25 of 25 files did not come/);
    assert.deepEqual([await lastDrill(), (await place.run(['status', '--nagios'])).code], [[25, 2, false], 1]);
    const better = (await place.run(['--json', 'sync'])).json().runs[0];
    assert.deepEqual(better.drill, { files: 25, bytes: 385, passed: true });
    assert.deepEqual(await lastDrill(), [25, 2, true]);
  });

  test('it is due by its own clock, and never where it is off', async () => {
    const drilled = async (days: number, config?: string): Promise<unknown> =>
      (await place.run(['--json', 'sync'], { env: clockAhead(days * day), ...(config === undefined ? {} : { config }) })).json().runs[0].drill;
    assert.equal(await drilled(29), null);
    assert.equal(await drilled(31, configWith(place, { drill: { every: 'off' } })), null);
    assert.deepEqual(await drilled(31, configWith(place, { drill: { files: 3 } })), { ...(await drilled(31) as object | null ?? {}), files: 3, bytes: (await lastBytes()) , passed: true });
  });
  const lastBytes = async (): Promise<number> => (await place.run(['--json', 'status'])).json().repositories[0].lastDrill.bytes;

  test('what came is kept where somebody wants it, as it was; that is not in the journal', async () => {
    const earlier = await lastDrill();
    const target = join(place.out, 'kept');
    const { code, stderr } = await place.run(['drill', 'nightly', '--target', target]);
    assert.equal(code, 0, stderr);
    const [first = ''] = readdirSync(target);
    const files = readdirSync(join(target, first), { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(target, first, name)).isFile());
    assert.ok(files.length >= 12);
    for (const name of files) assert.deepEqual(readFileSync(join(target, first, name)), readFileSync(join(place.source, name)), name);
    assert.deepEqual(await lastDrill(), earlier);
    const once = await place.run(['drill', 'nightly', '--target', target]);
    assert.equal(once.code, 0, `${once.stderr}: what an earlier one has left there is not taken for its own`);
    assert.equal((await place.run(['drill', 'nightly', '--target', join(place.config.replica, 'x')])).code, 2);
  });
});
