/** What 0.3.0 left behind (fixtures/state-0.3.0, made by scripts/record-state.ts) is opened as it is. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Finished, ratchet } from '../support/cli.ts';
import { writeConfig, type WrittenConfig } from '../support/config.ts';
import { fixtures } from '../support/golden.ts';
import { clockAhead } from '../support/night.ts';
import { openRepository } from '../support/restic.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

const recorded = join(fixtures, 'state-0.3.0');
const day = 24 * 3600 * 1000;
/** The time at which 0.3.0 wrote its last line. */
const endedAt = Date.parse((JSON.parse(readFileSync(join(recorded, 'state/nightly/journal.jsonl'), 'utf8').trimEnd().split('\n').at(-1) ?? '') as { time: string }).time);
/** Deleted outside a window, kept for good, and due after the grace, in the order in which they were deleted. */
const gone = readFileSync(join(recorded, 'state/nightly/tombstones.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { event: string; path: string });
const [kept = '', due = ''] = gone.filter(({ event }) => event === 'tombstone').map(({ path }) => path);

interface Upgraded {
  readonly source: string;
  readonly config: WrittenConfig;
  readonly replica: string;
  /** Runs the program so many days after 0.3.0's last run. */
  run(days: number, ...args: readonly string[]): Promise<Finished>;
  replicaNow(): string[];
}

/** The repository, its replica and the state as 0.3.0 left them. */
function upgraded(t: TestContext): Upgraded {
  const folder = temporaryFolder(t);
  const [source, state] = [join(folder, 'source'), join(folder, 'state')];
  cpSync(join(recorded, 'repository'), join(folder, 'replica'), { recursive: true });
  for (const path of [join(folder, 'replica'), join(folder, 'replica/config')]) chmodSync(path, 0o700);
  cpSync(join(folder, 'replica'), source, { recursive: true, preserveTimestamps: true });
  for (const path of readFileSync(join(recorded, 'gone'), 'utf8').trimEnd().split('\n')) rmSync(join(source, path));
  cpSync(join(recorded, 'replica.json'), join(folder, 'replica/.rsync-ratchet/replica.json'));
  cpSync(join(recorded, 'state'), state, { recursive: true });
  for (const path of [state, join(state, 'nightly'), join(state, 'spool'), join(folder, 'replica/.rsync-ratchet')]) chmodSync(path, 0o700);
  const config = writeConfig(folder, source, { repositories: { nightly: { restic: { passwordFile: openRepository(source).passwordFile } } } });
  return {
    source, config, replica: config.replica,
    run: (days, ...args) => ratchet(args, { config: config.file, env: clockAhead(endedAt + days * day - Date.now()) }),
    replicaNow: () => digest(config.replica, { inode: true, without: ['.rsync-ratchet'] }),
  };
}

test('a standing alarm, tombstones, an old journal and undelivered alerts of 0.3.0 are there after the upgrade', async (t) => {
  const upgrade = upgraded(t);
  const status = (await upgrade.run(0.1, '--json', 'status')).json().repositories[0];
  assert.deepEqual(status.alarm.rules, ['deleted']);
  assert.equal(readdirSync(join(upgrade.config.state, 'spool')).filter((name) => name.endsWith('.json')).length, 4);
  const { code, stdout } = await upgrade.run(0.1, 'history', '--verify');
  assert.equal(code, 0, stdout);
  const listed = (await upgrade.run(0.1, '--json', 'tombstones', 'list', 'nightly')).json().tombstones as { path: string; state: string }[];
  assert.deepEqual(listed.map(({ path, state }) => [path, state]).sort(), [[kept, 'kept'], [due, 'confirmed']].sort());
});

test('the first night after the upgrade: the alarm stands, nothing changes, and the four alerts that waited are delivered with it', async (t) => {
  const upgrade = upgraded(t);
  const before = upgrade.replicaNow();
  const { code, stderr } = await upgrade.run(1, '--json', 'sync');
  assert.equal(code, 3, stderr);
  assert.deepEqual(upgrade.replicaNow(), before);
  assert.equal(upgrade.config.mails().length, 5);
  assert.deepEqual(readdirSync(join(upgrade.config.state, 'spool')).filter((name) => name.endsWith('.json')), []);
});
