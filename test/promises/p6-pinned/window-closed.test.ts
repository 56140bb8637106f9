/** A window that lets keys change is closed while a run is at work: what the operator said last holds for keys, too. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { judged, type ServerA, startServerA } from '../../support/night.ts';
import { openWindow, rulesOf } from '../../support/prune.ts';
import { addFile } from '../../support/stage.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

for (const [what, args] of [['closed', ['close', 'nightly']], ['replaced by one without keys', ['open', 'nightly']]] as const) {
  test(`a new key does not enter when the window is ${what} while it is fetched`, async (t) => {
    const night = await serverA.night(t, { account: 'scripted' });
    await openWindow(night, '--allow-keys');
    const key = addFile(night.repository.path, 'key', 'a key of somebody');
    addFile(night.repository.path, 'pack', 'what comes with it');
    const before = night.replicaNow();
    serverA.script({ 4: 'wait_at fetch; serve' });
    const gate = serverA.gate('fetch');
    const running = night.start(['--json', 'sync']);
    await gate.reached;
    assert.equal((await night.run(['prune-window', ...args])).code, 0);
    await gate.open();
    const tonight = await judged(running);
    assert.ok(!existsSync(join(night.replica, key)), 'the key entered');
    assert.deepEqual([tonight.code, rulesOf(tonight), night.replicaNow()], [3, ['pinned'], before]);
    assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'a test'])).code, 0);
    const next = await night.sync();
    assert.deepEqual([next.code, rulesOf(next), night.replicaNow()], [3, ['pinned'], before], 'nor the night after');
  });
}
