/**
 * What serverA starts for a night is started side by side, as far as it grants that; each pass lists only when the one
 * before has succeeded. A call of the `scripted` account begins with the client's first byte.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { addPack, judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { allEnded, processesOf } from '../../support/processes.ts';

async function serverAWith(t: TestContext, maxSessions: number): Promise<ServerA> {
  const serverA = await startServerA('rrsync', maxSessions);
  t.after(() => serverA.stop());
  return serverA;
}

function scripted(t: TestContext, serverA: ServerA): Promise<Night> {
  return serverA.night(t, { account: 'scripted', changes: { repositories: { nightly: { spotCheck: 3 } } } });
}

/** Each call has ended before the next begins; returns how many had started before the first had ended. */
function assertInTurn(serverA: ServerA, calls: number): number {
  const happened = serverA.happened();
  const inTurn = Array.from({ length: calls }, (_, n) => [`called ${n + 1}`, `ended ${n + 1}`]).flat();
  assert.deepEqual(happened.filter((line) => line !== 'started'), inTurn);
  return happened.slice(0, happened.indexOf('ended 1')).filter((line) => line === 'started').length;
}

for (const [maxSessions, least, most] of [[10, 4, 4], [2, 1, 3], [1, 1, 2]] as const) {
  test(`with MaxSessions ${maxSessions} a whole night has one connection, no warning, and lists pass after pass`, async (t) => {
    const serverA = await serverAWith(t, maxSessions);
    const night = await scripted(t, serverA);
    serverA.script({});
    addPack(night.repository.path);
    const connections = serverA.sshd.connections();
    const { code, run } = await night.sync();
    assert.deepEqual([code, run.outcome, run.findings, run.admitted.files], [0, 'synced', [], 1], JSON.stringify(run));
    assert.equal(serverA.sshd.connections() - connections, 1);
    const started = assertInTurn(serverA, 5); // three dry runs, the spot check, the fetch
    assert.ok(started >= least && started <= most, `${started} had started before the first pass ended`);
  });
}

test('a serverA that grants one channel, and is slow to give up the one before, is asked again', async (t) => {
  const serverA = await serverAWith(t, 1);
  const night = await scripted(t, serverA);
  serverA.script({ 0: 'sleep 1' });
  addPack(night.repository.path);
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.findings, run.admitted.files], [0, 'synced', [], 1], JSON.stringify(run));
  assertInTurn(serverA, 5);
});

test('a pass during which files vanished is run again before the next one lists', async (t) => {
  const serverA = await serverAWith(t, 10);
  const night = await scripted(t, serverA);
  serverA.script({ 1: 'serve; exit 24' });
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome], [0, 'unchanged'], JSON.stringify(run));
  assertInTurn(serverA, 5); // the first pass twice, the other two, the spot check
});

test('after a pass that fails nothing that waits for its turn is let through, and none of it stays', async (t) => {
  const serverA = await serverAWith(t, 10);
  const night = await scripted(t, serverA);
  serverA.script({ 1: 'kill "$PPID"; sleep 1000' });
  const { code } = await night.sync();
  assert.equal(code, 1);
  assert.deepEqual(serverA.happened().filter((line) => line !== 'started'), ['called 1']);
});

test('a pass that is cut short has no second try, although it ends as if serverA had granted no channel', async (t) => {
  const serverA = await serverAWith(t, 10);
  const night = await scripted(t, serverA);
  serverA.script({ 1: 'serve | { stdbuf -o0 head -c 30; kill -KILL 0; }' });
  const { code, run } = await night.sync();
  assert.equal(code, 1, JSON.stringify(run));
  assert.match(run.error.message, /exit code 255/);
  assert.deepEqual(serverA.happened().filter((line) => line !== 'started'), ['called 1']);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} while channels wait for their turn leaves no process on either side`, async (t) => {
    const serverA = await serverAWith(t, 10);
    const night = await scripted(t, serverA);
    serverA.script({ 1: 'wait_at listing' });
    const listing = serverA.gate('listing');
    const running = night.start(['--json', 'sync']);
    await listing.reached;
    const [ours, theirs] = [processesOf(night.temporary), processesOf(`SSH_CONNECTION=127.0.0.1`).filter((pid) => processesOf(` ${serverA.sshd.port}`).includes(pid))];
    assert.ok(ours.length > 0 && theirs.length > 0, `${ours.length} here, ${theirs.length} on serverA`);
    running.kill(signal);
    if (signal === 'SIGTERM') assert.equal((await judged(running)).code, 143);
    else await running.finished;
    await listing.open().catch(() => undefined);
    await allEnded([...ours, ...theirs]);
  });
}
