/** Exit codes of serverA's rsync behind an honest dialogue: in the release check each of them. Codes are the sender's to choose. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ratchet } from '../../support/cli.ts';
import { type Value, writeConfig } from '../../support/config.ts';
import { isReleaseCheck } from '../../support/release.ts';
import { type Ending, temporaryFolder } from '../../support/temporary.ts';
import { assertAdmitted, record } from '../../support/hostile/attack.ts';
import { freshPaths } from '../../support/hostile/repository.ts';
import { type Night, startStage, type Stage } from '../../support/hostile/stage.ts';
import type { Lie } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

const codes = isReleaseCheck ? [...Array(31).keys(), 96, 97, 255] : [0, 1, 10, 12, 23, 24, 30, 255];
const ending = (code: number): Lie => ({ acts: { end: [{ exit: code }] } });

suite('exit codes', { concurrency: 2 }, () => {
  test('behind an audit: only 0 is all right', async (t) => {
    const nights = codes.map((code) => stage.night(t, { audit: ending(code), crime: false }));
    await assertEach('an audit behind which rsync ends with', t, 'audit', nights, (code) => ({ exit: code === 0 ? 0 : 1, admitted: [] }));
  });

  test('behind a fetch: with 0, 23 and 24 counts what came', async (t) => {
    const nights = codes.map((code) => stage.night(t, { fetch: ending(code) }));
    await assertEach('a fetch behind which rsync ends with', t, 'sync', nights, (code) =>
      ([0, 23, 24].includes(code) ? { exit: 0, admitted: freshPaths } : { exit: 1, admitted: [] }));
  });
});

interface Expected {
  readonly exit: number;
  readonly admitted: readonly string[];
}

/** Runs the nights of all codes in one run of the program, whose exit code is the worst of theirs. */
async function assertEach(name: string, t: Ending, command: string, nights: readonly Night[], expected: (code: number) => Expected): Promise<void> {
  const before = nights.map((night) => night.files());
  const finished = await ratchet(['--json', command], { config: together(t, nights) });
  assert.equal(finished.code, 1, finished.stderr);
  const { runs } = finished.json();
  assert.equal(runs.length, codes.length);
  for (const [n, code] of codes.entries()) {
    const { exit, admitted } = expected(code);
    assert.equal(runs[n].exitCode, exit, `${code}: ${JSON.stringify(runs[n])}`);
    if (exit === 1) assert.match(runs[n].error.message, new RegExp(`exit code ${code}\\b`));
    assertAdmitted(nights[n]!, before[n]!, admitted);
    record(name, String(code), runs[n]);
  }
}

/** One configuration with the repositories of all nights, in their order. */
function together(t: Ending, nights: readonly Night[]): string {
  const folder = temporaryFolder(t);
  const repositories = nights.map(({ config, replica }, n): [string, Value] => {
    const { nightly } = JSON.parse(readFileSync(config.file, 'utf8')).repositories;
    cpSync(join(config.state, 'nightly'), join(folder, 'state', `code-${codes[n]}`), { recursive: true, preserveTimestamps: true });
    return [`code-${codes[n]}`, { ...nightly, replica }];
  });
  return writeConfig(folder, '/unused', { repositories: { nightly: undefined, ...Object.fromEntries(repositories) } }).file;
}
