/** A key of which restic might read other numbers than we do never enters. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertRestoresOld, forgedNight, type ForgedNight, openWindow } from '../../support/forged.ts';
import { hashOf } from '../../support/night.ts';
import { addJunk, assertFindings } from '../../support/proof.ts';

/** The text of the repository's one key. */
function keyOf({ source }: ForgedNight): string {
  const [name] = readdirSync(join(source, 'keys'));
  return readFileSync(join(source, 'keys', name ?? ''), 'utf8');
}

/** restic reads these keys as if N, r and p were others, or refuses them. */
const doubled: readonly (readonly [what: string, change: (key: string) => string])[] = [
  ['with a doubled field in other letters', (key) => key.replace(/"p":(\d+)/, '"p":$1,"P":30')],
  ['with the same field twice', (key) => key.replace(/"p":(\d+)/, '"p":30,"p":$1')],
  ['with a field in other letters alone', (key) => key.replace('"N":', '"n":')],
  ['with a field that no key has', (key) => key.replace('{', '{"x":1,')],
];

for (const [what, change] of doubled) {
  test(`a key ${what} never enters, though a window lets keys change`, async (t) => {
    const night = await forgedNight(t);
    await openWindow(night, '--allow-keys');
    const content = Buffer.from(change(keyOf(night)));
    addJunk(night.source, 'keys', content);
    const judged = await night.sync();
    assert.ok(!night.has(`keys/${hashOf(content)}`), 'the key did not enter');
    assertFindings(judged, 3, [`unproven keys/${hashOf(content)}`]);
    await assertRestoresOld(night);
  });
}
