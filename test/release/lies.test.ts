/** Every lie that can be told in packs and indexes: alone and with the true index beside it, in an ordinary night and in a window, and in place of the truth. */
import { describe, test } from 'node:test';
import { assertNotInPlace, assertRefused } from '../support/hostile/refused.ts';
import { lies } from '../support/hostile/told.ts';
import { forgedNight, openWindow } from '../support/forged.ts';

for (const { name, tell } of lies) {
  describe(`${name}, never enters`, () => {
    for (const inWindow of [false, true]) {
      for (const besideTruth of [false, true]) {
        test(`${besideTruth ? 'with the true index beside it' : 'alone'}, in ${inWindow ? 'a window' : 'an ordinary night'}`, async (t) => {
          const night = await forgedNight(t);
          if (inWindow) await openWindow(night);
          const told = tell(night);
          if (besideTruth) night.forge.index({ packs: told.truth });
          await assertRefused(night, told);
        });
      }
    }
  });
}

for (const { name, tell } of lies.filter(({ replaces }) => replaces)) {
  test(`${name}, never takes the place of the truth, though a window lets that be deleted`, (t) => assertNotInPlace(t, tell));
}
