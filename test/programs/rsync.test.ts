/** The built program with rsyncs that misbehave (fixtures/bin): it fails or raises an alarm, in time, and nothing has happened. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fixtures } from '../support/golden.ts';
import { type Clock, clockFor } from '../support/hurry.ts';
import { processesOf } from '../support/processes.ts';
import { addFile, stage, type Stage } from '../support/stage.ts';
import { pollFor } from '../support/watch.ts';

const used = new Set<string>();

/** `silent`: the fake says nothing any more, in a dry run or in the fetch. What only waits here for a limit gets a short one. */
async function nightWith(t: TestContext, s: Stage, behaviour: string, name: string, silent: 'audit' | 'fetch' | undefined) {
  used.add(behaviour);
  s.configure({ rsync: { path: s.fake(behaviour, name) }, timeouts: { stall: silent === 'audit' ? '1s' : '30m' } });
  const clock = clockFor(t, 'stall');
  const running = s.start(['--json', 'sync'], { env: clock.env });
  if (behaviour === 'fetch-grows-slowly') await whileItGrows(s, clock);
  else if (silent === 'fetch') await pollFor(() => delivered(s) === 3).then(() => clock.jumpUntilEnd(running));
  const night = await running.finished;
  return { code: night.code, run: night.json().runs[0] };
}

/** The fetch has begun and grows; a stall's time passes, it is looked at, and only then may it go on. */
async function whileItGrows(s: Stage, clock: Clock): Promise<void> {
  const incoming = join(s.replica, '.rsync-ratchet/incoming');
  const folder = await pollFor(() => existsSync(incoming) && readdirSync(incoming).find((name) => existsSync(join(incoming, name, '.growing'))));
  await clock.jump();
  writeFileSync(join(incoming, folder, '.go'), '');
}

/** How many files of the fetch are complete: rsync's temporary names begin with a dot. Leftovers are moved while we look. */
function delivered(s: Stage): number {
  try {
    return s.ownFiles().filter((path) => /^(?:incoming|candidate)\/.*\/[0-9a-f]{64}$/.test(path)).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

const rulesOf = (run: { findings: readonly { rule: string }[] }): string[] => [...new Set(run.findings.map(({ rule }) => rule))];

interface Misbehaviour {
  readonly name: string;
  readonly fake?: string;
  /** What the failure says; or, for a report that can be read but does not add up, the rules of the alarm. */
  readonly says?: RegExp;
  readonly hint?: RegExp;
  readonly rules?: readonly string[];
  readonly silent?: true;
}

const audits: readonly Misbehaviour[] = [
  { name: 'garbage', says: /cannot be understood.*"Welcome to serverA!/ },
  { name: 'no-newline', says: /cannot be understood.*cut short/ },
  { name: 'glues', says: /cannot be understood.*"Hello! / },
  { name: 'another-nonce', says: /cannot be understood/ },
  { name: 'floods-stdout', says: /cannot be understood.*line too long/ },
  { name: 'floods-lines', rules: ['unaccounted', 'over-limit', 'foreign'] },
  { name: 'floods-stderr', silent: true, says: /no progress for timeouts\.stall.*something is wrong/ },
  { name: 'deaf', silent: true, says: /no progress for timeouts\.stall/ },
  { name: 'hangs-midway', silent: true, says: /no progress for timeouts\.stall/ },
  { name: 'killed', says: /ended by SIGKILL/ },
  { name: 'lacks-an-option', says: /exit code 1: rsync: --max-alloc=1G: unknown option/, hint: /this rsync is too old: 3\.2\.3 or later/ },
  ...[1, 12, 20, 23, 24, 30, 127, 255].map((code) => ({ name: `exit-${code}`, fake: 'exit-n', says: new RegExp(`exit code ${code}`) })),
  ...[1, 23, 24].map((code) => ({ name: `half-then-${code}`, fake: 'half-then-n', says: new RegExp(`exit code ${code}`) })),
  { name: 'silent', rules: ['unaccounted'] },
  { name: 'cut-short', rules: ['unaccounted'] },
  { name: 'leaves-one-out', rules: ['unaccounted'] },
  { name: 'says-twice', rules: ['unaccounted'] },
  { name: 'calls-new-what-is-old', rules: ['inconsistent'] },
];

describe('a dry run that misbehaves', { concurrency: 2 }, () => {
  for (const { name, fake = name, says, hint, rules = [], silent } of audits) {
    test(`${name}: ${says === undefined ? 'exit 3, the books do not add up' : 'exit 1, and the reason'}`, async (t) => {
      const s = await stage(t);
      addFile(s.source, 'pack', 'new');
      const before = s.replicaNow();
      const { code, run } = await nightWith(t, s, fake, name, silent && 'audit');
      assert.deepEqual([code, run.outcome], says === undefined ? [3, 'alarm'] : [1, 'failed'], JSON.stringify(run));
      if (says !== undefined) assert.match(run.error.message, says);
      if (hint !== undefined) assert.match(run.error.hint, hint);
      assert.deepEqual(rulesOf(run), rules);
      assert.deepEqual(run.fetched, { files: 0, bytes: 0 });
      assert.deepEqual(s.replicaNow(), before);
      assert.deepEqual(s.ownFiles(), []);
      assert.deepEqual(processesOf(s.folder), []);
      assert.deepEqual(readdirSync(s.temporary), []);
      assert.match(s.config().mails().at(-1)?.subject ?? '', says === undefined ? /^\[ALARM\]/ : /^\[FAILED\]/);
    });
  }
});

describe('an rsync that misbehaves but does its work', { concurrency: 2 }, () => {
  for (const name of ['complains-first', 'leaves-a-child', 'keeps-the-pipe']) {
    test(`${name}: exit 0, and nothing left`, async (t) => {
      const s = await stage(t);
      const path = addFile(s.source, 'pack', 'new');
      const { code, run } = await nightWith(t, s, name, name, undefined);
      assert.deepEqual([code, run.outcome], [0, 'synced'], JSON.stringify(run));
      assert.ok(s.replicaNow().some((line) => line.startsWith(path)));
      assert.deepEqual([processesOf(s.folder), readdirSync(s.temporary)], [[], []]);
    });
  }
});

const fetches: readonly (Misbehaviour & { readonly code: number; readonly admitted: number; readonly kept: number })[] = [
  { name: 'fetch-then-23', fake: 'fetch-then-n', code: 0, admitted: 3, kept: 0 },
  { name: 'fetch-then-24', fake: 'fetch-then-n', code: 0, admitted: 3, kept: 0 },
  { name: 'fetch-then-1', fake: 'fetch-then-n', code: 1, says: /the fetch failed: rsync exit code 1/, admitted: 0, kept: 3 },
  { name: 'fetch-then-12', fake: 'fetch-then-n', code: 1, says: /the fetch failed: rsync exit code 12/, admitted: 0, kept: 3 },
  { name: 'fetch-delivers-nothing', code: 4, rules: ['not-delivered'], admitted: 0, kept: 0 },
  { name: 'fetch-hangs', silent: true, code: 1, says: /the fetch failed: rsync made no progress/, admitted: 0, kept: 3 },
  { name: 'fetch-floods', code: 1, says: /line too long/, admitted: 0, kept: 3 },
  { name: 'fetch-delivers-junk', code: 4, rules: ['unrequested'], admitted: 3, kept: 0 },
  { name: 'fetch-grows-slowly', code: 0, admitted: 3, kept: 0 },
];

describe('a fetch that misbehaves', { concurrency: 2 }, () => {
  for (const { name, fake = name, code, says, rules = [], silent, admitted, kept } of fetches) {
    test(`${name}: exit ${code}, ${admitted} admitted, ${kept} kept for the next night`, async (t) => {
      const s = await stage(t);
      const added = (['pack', 'index', 'snapshot'] as const).map((type) => addFile(s.source, type, 'new'));
      const before = s.replicaNow();
      const night = await nightWith(t, s, fake, name, silent && 'fetch');
      assert.equal(night.code, code, JSON.stringify(night.run));
      if (says !== undefined) assert.match(night.run.error.message, says);
      assert.deepEqual(rulesOf(night.run), rules);
      assert.equal(night.run.admitted.files, admitted);
      assert.deepEqual(fileLines(s.replicaNow()).filter((line) => !added.some((path) => line.startsWith(path))), fileLines(before));
      assert.deepEqual(s.ownFiles(), kept === 0 ? [] : added.map((path) => `candidate/${path}`).sort());
      assert.deepEqual([processesOf(s.folder), readdirSync(s.temporary)], [[], []]);

      s.configure({});
      const next = await s.run(['--json', 'sync']);
      const [run] = next.json().runs;
      assert.deepEqual([next.code, run.fetched.files, run.admitted.files], [0, 3 - admitted - kept, 3 - admitted]);
      assert.deepEqual(s.ownFiles(), []);
    });
  }
});

test('every fake of fixtures/bin is used', () => {
  assert.deepEqual([...used].sort(), readdirSync(`${fixtures}bin`).sort());
});

/** Files keep their inode and everything else; folders may have taken in new ones. */
const fileLines = (lines: readonly string[]): string[] => lines.filter((line) => !line.includes(' folder '));
