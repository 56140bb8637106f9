import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Watchdog, type Bounds, type StopReason } from '../../src/programs/watchdog.ts';

const never = 2 ** 40;
/** Timers run late, never early: so only the least time is ever asserted. */
function watch(changes: Partial<Bounds>) {
  const reasons: StopReason[] = [];
  let fired: (reason: StopReason) => void = () => undefined;
  const stopped = new Promise<StopReason>((resolve) => { fired = resolve; });
  const interrupt = new AbortController();
  const from = performance.now();
  const dog = new Watchdog({ stall: never, deadline: Date.now() + never, interrupt: interrupt.signal, ...changes }, (reason) => {
    reasons.push(reason);
    fired(reason);
  });
  return { dog, reasons, stopped, interrupt, elapsed: () => performance.now() - from };
}
const busy = (ms: number) => { for (const from = performance.now(); performance.now() - from < ms;); };

describe('the watchdog', () => {
  test('ends what makes no progress, not before its time', async () => {
    const { stopped, elapsed } = watch({ stall: 60 });
    assert.equal(await stopped, 'stall');
    assert.ok(elapsed() >= 60, String(elapsed()));
  });

  test('progress starts the time anew', async () => {
    const { dog, stopped, elapsed } = watch({ stall: 60 });
    busy(40);
    dog.progress();
    const at = elapsed();
    assert.equal(await stopped, 'stall');
    assert.ok(elapsed() - at >= 60, String(elapsed() - at));
  });

  test('asks for hidden progress before it calls a stall one', async () => {
    let asked = 0;
    const { stopped, elapsed } = watch({ stall: 30, hiddenProgress: () => ++asked < 3 });
    assert.equal(await stopped, 'stall');
    assert.equal(asked, 3);
    assert.ok(elapsed() >= 90, String(elapsed()));
  });

  test('ends at the deadline, whatever the progress', async () => {
    const { dog, stopped } = watch({ stall: 5, deadline: Date.now() + 60, hiddenProgress: () => { dog.progress(); return true; } });
    assert.equal(await stopped, 'deadline');
  });

  test('a deadline that has passed ends at once; it goes before a stall', async () => {
    assert.equal(await watch({ deadline: Date.now() - 1000 }).stopped, 'deadline');
    assert.equal(await watch({ stall: 0, deadline: Date.now() - 1000 }).stopped, 'deadline');
  });

  test('ends what has written more than it may, whatever the other clocks say', async () => {
    let asked = 0;
    const { stopped } = watch({ overrun: () => ++asked === 2 });
    assert.equal(await stopped, 'overrun');
    assert.equal(asked, 2);
  });

  test('an interruption ends at once', () => {
    const { interrupt, reasons } = watch({});
    interrupt.abort();
    assert.deepEqual(reasons, ['interrupt']);
  });

  test('an interruption before its time too', () => {
    assert.deepEqual(watch({ interrupt: AbortSignal.abort() }).reasons, ['interrupt']);
  });

  test('it stops only once', async () => {
    const { reasons, stopped, interrupt, dog } = watch({ stall: 1, deadline: Date.now() + 5 });
    await stopped;
    interrupt.abort();
    dog.progress();
    await new Promise(setImmediate);
    assert.equal(reasons.length, 1);
  });

  test('after the end nothing fires, and nothing keeps the program alive', async () => {
    const { dog, reasons, interrupt } = watch({ stall: 1 });
    dog.end();
    interrupt.abort();
    assert.equal(await watch({ stall: 30 }).stopped, 'stall'); // time enough for the other
    assert.deepEqual(reasons, []);
  });

  test('times that no timer holds are no reason to look all the time', async (t) => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    t.after(() => process.off('warning', note));
    const { dog, reasons } = watch({ stall: 2 ** 45, deadline: Date.now() + 2 ** 45 });
    assert.equal(await watch({ stall: 30 }).stopped, 'stall');
    dog.end();
    assert.deepEqual([reasons, warnings], [[], []]);
  });
});
