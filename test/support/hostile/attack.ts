/** What every attack must leave behind, whatever it was: an honest exit code, the replica as it was, nothing running. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isReleaseCheck } from '../release.ts';
import { freshPaths, largestFresh } from './repository.ts';
import { type Night, type Stage } from './stage.ts';
import type { Attack } from './words.ts';

/** Our own process may hold so many bytes: Node itself takes about 90 MiB. */
const mostMemory = 160 * 2 ** 20;
/** A run that is attacked may take so many seconds; there only so that "bounded" is asserted. */
const mostSeconds = 300;

/** A suite with one test for each attack of a table, so many at a time: two where they work, more where they wait. */
export function suiteOf(name: string, stage: () => Stage, attacks: readonly Attack[], concurrency = 2): void {
  suite(name, { concurrency }, () => {
    for (const attack of attacks.filter(({ rare }) => isReleaseCheck || rare !== true)) test(attack.name, async (t) => { record(name, attack.name, await withstand(stage().night(t, attack), attack)); });
  });
}

/** Runs one attack and asserts all that must hold; the run as JSON. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
export async function withstand(night: Night, attack: Attack): Promise<any> {
  const before = night.files();
  const around = readdirSync(night.folder);
  const judged = await night.run([attack.command ?? 'sync']);
  const told = JSON.stringify({ code: judged.code, ...judged.run }, null, 1);
  assert.ok(attack.exits.includes(hasFailed(judged.run) ? 1 : judged.code ?? -1), `exit ${String(judged.code)}: ${told}`);
  assert.equal(judged.run.exitCode, judged.code);
  assertTold(judged.run, attack, told);
  assertAdmitted(night, before, attack.admits ?? (judged.code === 0 && attack.command !== 'audit' ? freshPaths : []));

  assert.deepEqual(readdirSync(night.folder).filter((name) => !around.includes(name) && !['peak', 'taken', 'hours', 'hours.seen'].includes(name)), [], 'outside');
  assert.deepEqual(night.own('incoming').paths, []);
  assert.ok(night.own('quarantine').bytes + night.own('candidate').bytes <= freshPaths.length * largestFresh, 'disk');
  assert.ok(judged.peak > 0 && judged.peak < mostMemory, `${judged.peak} bytes of memory`);
  assert.ok(judged.seconds < mostSeconds, `${judged.seconds} seconds`);
  if (attack.takes !== undefined) assert.ok(judged.taken < attack.takes, `${judged.taken} bytes taken`);
  if (attack.heals === true) await heal(night, before);
  return judged.run;
}

/** A run that failed: exit 1, or, because what was seen before stays seen, an alarm that tells of the failure as well. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the run's JSON
function hasFailed({ exitCode, error, findings }: any): boolean {
  const hasSeen = findings.some(({ severity }: { severity: string }) => severity === 'violation');
  if (error !== undefined) assert.equal(exitCode, hasSeen ? 3 : 1, 'what was seen is raised although the run failed');
  return error !== undefined;
}

/** serverA is honest again: the night after brings what this one could not. */
async function heal(night: Night, before: readonly string[]): Promise<void> {
  night.repent();
  const { code, stdout } = await night.run(['sync']);
  assert.equal(code, 0, stdout);
  assertAdmitted(night, before, freshPaths);
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the run's JSON
function assertTold(run: any, attack: Attack, told: string): void {
  const found: string[] = run.findings.map(({ rule, path }: { rule: string; path: string }) => `${rule} ${path}`);
  for (const wish of attack.finds ?? []) assert.ok(found.some((one) => one === wish || one.startsWith(`${wish} `)), `${wish}: ${told}`);
  if (attack.says !== undefined) assert.match(run.error?.message ?? '', attack.says, told);
  if (run.exitCode === 1) assert.notEqual(run.error?.hint, 'unexpected: please report this with --verbose', told);
}

/** All that was there is there as it was, and of what is new just this. */
export function assertAdmitted(night: Night, before: readonly string[], admitted: readonly string[]): void {
  const after = night.files();
  assert.deepEqual(after.filter((line) => before.includes(line)), before);
  assert.deepEqual(after.filter((line) => !before.includes(line)).map((line) => line.split(' ', 1)[0]), [...admitted].sort());
}

/** With ATTACKS=FILE what came of an attack is noted there, one JSON document a line; table.mjs makes a table of them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the run's JSON
export function record(suiteName: string, attack: string, run: any): void {
  const file = process.env['ATTACKS'];
  if (file === undefined) return;
  const told: { rule: string; severity: string }[] = run.findings;
  const rules = new Set(told.filter(({ severity }) => severity !== 'note').map(({ rule }) => rule));
  const line = { suite: suiteName, attack, exit: run.exitCode, rules: [...rules], failure: run.error?.message, admitted: run.admitted.files };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}
