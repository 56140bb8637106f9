/** The lies of test/hostile/lies.test.ts once more, where it matters least: beside the truth in an ordinary night, alone in a window. */
import { describe, test } from 'node:test';
import { assertRefused } from '../hostile/refused.ts';
import { lies } from '../hostile/told.ts';
import { forgedNight, openWindow } from '../support/forged.ts';

for (const { name, tell } of lies) {
  describe(`${name}, never enters`, () => {
    test('with the true index beside it, in an ordinary night', async (t) => {
      const night = await forgedNight(t);
      const told = tell(night);
      night.forge.index({ packs: told.truth });
      await assertRefused(night, told);
    });

    test('alone in a window', async (t) => {
      const night = await forgedNight(t);
      await openWindow(night);
      await assertRefused(night, tell(night));
    });
  });
}
