import assert from 'node:assert/strict';
import { test } from 'node:test';
import { good } from '../../src/doctor/checkup.ts';
import { Failure } from '../../src/errors.ts';
import { look } from '../../src/doctor/doctor.ts';

const never = new AbortController().signal;

test('what throws is bad, with its hint', async () => {
  const failing = { item: 'x', look: () => { throw new Failure('it broke', 'mend it'); } };
  assert.deepEqual(await look(failing, never), { standing: 'bad', words: 'it broke', mend: 'mend it' });
  const unexpected = await look({ item: 'x', look: () => Promise.reject(new TypeError('oh')) }, never);
  assert.equal(unexpected.standing, 'bad');
});

test('what hangs is bad when its time is over, and is told to end', async () => {
  let told = false;
  const hanging = { item: 'x', patience: 20, look: (signal: AbortSignal) => new Promise<never>(() => { signal.addEventListener('abort', () => { told = true; }); }) };
  const { standing, words } = await look(hanging, never);
  assert.deepEqual([standing, words, told], ['bad', 'no answer within 0 s', true]);
});

test('what is good in time is good', async () => assert.deepEqual(await look({ item: 'x', look: () => good('y') }, never), good('y')));
