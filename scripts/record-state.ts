/**
 * Makes, with the version of the program that RATCHET_PROGRAM names, what it leaves behind after a full life: tombstones
 * (kept and due), a window, a standing alarm, an old journal, alerts that nobody got; and the repository and its replica.
 * Written to FOLDER (fixtures/state-<version>); what the replica has and serverA has not stands in `gone`, a path a line.
 * Run it under another host name (unshare --uts): the mails say it.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Forge, idOf } from '../test/support/forge.ts';
import { ratchet } from '../test/support/cli.ts';
import { writeConfig } from '../test/support/config.ts';
import { filesBelow } from '../test/support/night.ts';
import { resticRepository } from '../test/support/restic.ts';
import { treeOne, writeOld } from '../test/support/forged.ts';
import { removeTree } from '../test/support/temporary.ts';

const [target = 'fixtures/state'] = process.argv.slice(2);
const folder = '/tmp/rsync-ratchet-recording'; // The same on each machine, for mails and journal name it.
removeTree(folder);
mkdirSync(folder, { mode: 0o700 });
const forge = await Forge.of(resticRepository(join(folder, 'source')));
const { snapshots } = writeOld(forge);
const spare = ['2026-01-02', '2026-01-03'].map((day) => forge.snapshot(idOf(treeOne), { time: `${day}T00:00:00Z` }));
const { path: source, passwordFile } = forge.repository;
/** Nobody listens there: what is mailed stays in the spool. */
const smtp = { host: '127.0.0.1', port: 1, tls: 'none' };
const { file, replica, state } = writeConfig(folder, source, {
  repositories: { nightly: { restic: { passwordFile } } },
  alerts: { email: { directory: undefined, smtp } },
});

/** Runs the old program, which must end like this. */
async function run(code: number, ...args: readonly string[]): Promise<void> {
  const ended = await ratchet(args, { env: { RSYNC_RATCHET_CONFIG: file } });
  if (ended.code !== code) throw new Error(`${args.join(' ')}: ${ended.code ?? 'a signal'}: ${ended.stderr}`);
}

await run(0, 'init', 'nightly');
await run(0, 'sync');
await run(0, 'prune-window', 'open', 'nightly', '--for', '7d', '--reason', 'spring cleaning');
rmSync(join(source, spare[0] ?? ''));
await run(0, 'sync');
await run(0, 'tombstones', 'keep', 'nightly', spare[0] ?? '');
rmSync(join(source, spare[1] ?? ''));
await run(0, 'sync');
await run(0, 'prune-window', 'close', 'nightly');
rmSync(join(source, 'snapshots', snapshots[1]?.id ?? ''));
await run(3, 'sync');
await run(3, 'sync');

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const held = new Set(filesBelow(source));
const files = filesBelow(replica).filter((path) => !path.startsWith('.rsync-ratchet/'));
for (const path of files) cpSync(join(replica, path), join(target, 'repository', path));
cpSync(join(replica, '.rsync-ratchet/replica.json'), join(target, 'replica.json'));
cpSync(state, join(target, 'state'), { recursive: true });
writeFileSync(join(target, 'gone'), `${files.filter((path) => !held.has(path)).join('\n')}\n`);
removeTree(folder);
