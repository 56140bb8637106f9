/** A few rounds of `npm run torture`, with moments that are the same each time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ServerA, startServerA } from '../support/night.ts';
import { randomFrom, Torture } from '../support/torture.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

test('killed at random moments of a night with new data and an expiry, the replica is whole, and the next run completes', async (t) => {
  const torture = await Torture.begin(serverA, t, randomFrom(3));
  let killed = 0;
  for (let n = 0; n < 8; n++) killed += (await torture.round()).wasKilled ? 1 : 0;
  assert.ok(killed > 0);
});
