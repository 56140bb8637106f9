/** Who has the password tells lies in packs and indexes. None enters, in no night and in no window. The whole table is in test/release/lies.test.ts. */
import { test } from 'node:test';
import { forgedNight, openWindow } from '../../support/forged.ts';
import { assertNotInPlace, assertRefused } from '../../support/hostile/refused.ts';
import { lies } from '../../support/hostile/told.ts';

for (const { name, tell } of lies.filter(({ each }) => each === 'alone')) {
  test(`${name}, alone in an ordinary night, never enters`, async (t) => {
    const night = await forgedNight(t);
    await assertRefused(night, tell(night));
  });
}

for (const { name, tell } of lies.filter(({ each }) => each === 'beside')) {
  test(`${name}, in a window, with the true index beside it, never enters`, async (t) => {
    const night = await forgedNight(t);
    await openWindow(night);
    const told = tell(night);
    night.forge.index({ packs: told.truth });
    await assertRefused(night, told);
  });
}

for (const { name, tell } of lies.filter(({ each }) => each === 'in place')) {
  test(`${name}, never takes the place of the truth, though a window lets that be deleted`, (t) => assertNotInPlace(t, tell));
}
