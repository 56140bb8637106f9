/** How a lie must end. */
import assert from 'node:assert/strict';
import { assertRestoresOld, type ForgedNight, forgedNight, openWindow, ownFiles } from '../forged.ts';
import { clockAhead } from '../night.ts';
import { assertFindings } from '../proof.ts';
import { day } from '../prune.ts';
import type { Ending } from '../temporary.ts';
import type { Told } from './told.ts';

/** The lie raises the alarm that names it and lies in quarantine; all that was restored before still is, also when a grace has passed. */
export async function assertRefused(night: ForgedNight, { culprit, replaced }: Told): Promise<void> {
  const [before, mails] = [night.replicaNow(), night.config.mails().length];
  const judged = await night.sync();
  const later = replaced.length === 0 ? judged : await night.sync({ env: clockAhead(3 * day) });
  await assertRestoresOld(night);
  assert.ok(!night.has(culprit), 'the lie did not enter');
  assert.deepEqual(night.replicaNow(), before);
  assertFindings(judged, 3, [`unproven ${culprit}`]);
  assert.deepEqual([judged.run.outcome, judged.run.proof, judged.run.admitted.files, later.code], ['alarm', 'failed', 0, 3]);
  assert.deepEqual(ownFiles(night, 'quarantine'), [culprit]);
  const mail = night.config.mails()[mails];
  assert.match(mail?.subject ?? '', /^\[ALARM\] nightly on \S+: /);
  assert.ok(mail?.text.includes(culprit), mail?.text);
}

/** The same in a window that lets the truth be deleted, in whose place the lie is told. */
export async function assertNotInPlace(t: Ending, tell: (night: ForgedNight) => Told): Promise<void> {
  const night = await forgedNight(t, { deletionGrace: '2d' });
  await openWindow(night);
  const told = tell(night);
  night.remove(...told.replaced);
  await assertRefused(night, told);
}
