/** An rsync on serverB that serverA has taken over finds no way out of its room: no socket of ssh, no name in replica or state. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, type Night, type ServerA, startServerA } from '../../support/night.ts';

const rsync = process.env['RATCHET_RSYNC'] ?? 'rsync';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/**
 * Before it works as rsync: asks every ssh master that it can find, or that its arguments name, to listen on a socket
 * below replica and state, which makes the name there. `-e` tells it of one where there is one.
 */
function takenOver(night: Night): string {
  const file = join(night.folder, 'taken-over');
  const names = [join(night.replica, 'data/00/made-by-rsync'), join(night.folder, 'state/made-by-rsync')];
  writeFileSync(file, `#!/bin/sh
sockets=$(find /tmp /run -type s 2>/dev/null; printf '%s\\n' "$@" | tr ' ' '\\n' | sed -n 's/^-oControlPath=//p')
for socket in $sockets; do
  for name in ${names.join(' ')}; do ssh -F /dev/null -S "$socket" -O forward -L "$name:127.0.0.1:22" serverA >/dev/null 2>&1; done
done
exec ${rsync} "$@"
`, { mode: 0o755 });
  return file;
}

/** Puts another rsync in the place of ours. */
function withRsync(night: Night, path: string): void {
  const config = JSON.parse(readFileSync(night.config.file, 'utf8'));
  config.repositories.nightly.rsync = { ...config.repositories.nightly.rsync, path, sandbox: 'require' };
  writeFileSync(night.config.file, JSON.stringify(config));
}

test('an rsync that was taken over finds no socket of ssh to ask for forwardings, and makes no name in the replica', async (t) => {
  const night = await serverA.night(t);
  withRsync(night, takenOver(night));
  const pack = addPack(night.repository.path);
  const before = night.replicaNow();
  const { code, run } = await night.sync();
  const after = night.replicaNow();
  assert.deepEqual(after.filter((line) => line.includes('made-by-rsync')), [], 'a name was made in the replica');
  assert.ok(!existsSync(join(night.folder, 'state/made-by-rsync')), 'a name was made in the state folder');
  assert.deepEqual([code, run.outcome], [0, 'synced'], JSON.stringify(run));
  assert.deepEqual(after.filter((line) => line.startsWith('data/') && line.includes(' file ') && !before.includes(line)).map((line) => line.split(' ')[0]), [pack]);
});

test('what rsync asks serverA for is learned once, and not again in the next night', async (t) => {
  const night = await serverA.night(t);
  const learned = (): number => readFileSync(join(night.folder, 'state/nightly/journal.jsonl'), 'utf8').split('\n').filter((line) => line.includes('"rsync-call"')).length;
  const before = learned();
  assert.ok(before > 0);
  addPack(night.repository.path);
  const { code, run } = await night.sync();
  assert.deepEqual([code, learned()], [0, before], JSON.stringify(run));
});

test('an rsync that asks serverA for something else than it must is not obeyed', async (t) => {
  const night = await serverA.night(t);
  const file = join(night.folder, 'asks-for-more');
  writeFileSync(file, `#!/bin/sh\nexec ${rsync} "$@" --info=name\n`, { mode: 0o755 });
  withRsync(night, file);
  const before = night.replicaNow();
  const { code, run } = await night.sync();
  assert.equal(code, 1, JSON.stringify(run));
  assert.match(run.error.message, /asks serverA for something that we did not ask it for/);
  assert.deepEqual(night.replicaNow(), before);
});
