/** init pins nothing that restic could not open: a key that is none, a config that is none, keys of somebody else. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { forgedNight, type ForgedNight } from '../../support/forged.ts';
import { addJunk } from '../../support/proof.ts';
import type { Ending } from '../../support/temporary.ts';

/** A night before the first: there is no replica, and no state. */
async function fresh(t: Ending): Promise<ForgedNight> {
  const night = await forgedNight(t);
  for (const folder of [night.replica, night.config.state]) rmSync(folder, { recursive: true });
  return night;
}

function keyOf({ source }: ForgedNight): string {
  const [name] = readdirSync(join(source, 'keys'));
  return readFileSync(join(source, 'keys', name ?? ''), 'utf8');
}

const wrongs: readonly (readonly [what: string, spoil: (night: ForgedNight) => void, words: RegExp])[] = [
  ['a key that is not JSON', (night) => { addJunk(night.source, 'keys', Buffer.from('no json'.padEnd(40))); }, /keys\/[0-9a-f]{64} on serverA is no key: not JSON/],
  ['a key with a doubled field', (night) => { addJunk(night.source, 'keys', Buffer.from(keyOf(night).replace(/"p":(\d+)/, '"p":$1,"P":300'))); }, /is no key: with fields/],
  ['a config that restic cannot open', (night) => {
    rmSync(join(night.source, 'config'));
    writeFileSync(join(night.source, 'config'), randomBytes(155), { mode: 0o400 });
  }, /restic cannot open/],
  ['keys of which none is for the password', (night) => {
    const key = JSON.parse(keyOf(night)) as Record<string, unknown>;
    for (const name of readdirSync(join(night.source, 'keys'))) rmSync(join(night.source, 'keys', name));
    addJunk(night.source, 'keys', Buffer.from(JSON.stringify({ ...key, data: randomBytes(140).toString('base64') })));
  }, /restic cannot open/],
];

for (const [what, spoil, words] of wrongs) {
  test(`init refuses ${what}, and makes no marker`, async (t) => {
    const night = await fresh(t);
    spoil(night);
    const { code, stderr } = await night.run(['init', 'nightly']);
    assert.ok(!existsSync(join(night.replica, '.rsync-ratchet/replica.json')), 'no marker was written');
    assert.equal(code, 1);
    assert.match(stderr, words);
  });
}

test('after a lost state init shows the keys that came and went since they were pinned', async (t) => {
  const night = await forgedNight(t);
  const [mine = ''] = readdirSync(join(night.source, 'keys'));
  rmSync(night.config.state, { recursive: true });
  renameSync(join(night.replica, '.rsync-ratchet/replica.json'), join(night.folder, 'replica.json'));
  const added = addJunk(night.source, 'keys', Buffer.from(keyOf(night).replace(/"username":"[^"]*"/, '"username":"eve"')));
  rmSync(join(night.source, 'keys', mine));
  const { code, stdout, stderr } = await night.run(['init', 'nightly', '--trust-existing']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`did not have, and is pinned now: ${added.slice(5)}`));
  assert.match(stdout, new RegExp(`that serverA does not have: ${mine}`));
});
