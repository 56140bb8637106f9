/** init is killed, or the power goes, between any two of its last steps: run again it makes the replica, and what it adopted is unread. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { forgedNight } from '../../support/forged.ts';
import { digest } from '../../support/tree.ts';

const killer = fileURLToPath(new URL('../../support/killer.mjs', import.meta.url));

for (const life of ['the first', 'a second'] as const) {
  test(`killed at any change of state or marker, in ${life} life of the replica`, async (t) => {
    const night = await forgedNight(t);
    const [own, state] = [join(night.replica, '.rsync-ratchet'), join(night.config.state, 'nightly')];
    rmSync(join(own, 'replica.json'));
    if (life === 'the first') rmSync(night.config.state, { recursive: true });
    const kept = join(night.folder, 'kept');
    const replicaNow = (): string[] => digest(night.replica, { inode: true, folders: false, without: ['.rsync-ratchet'] });
    const before = replicaNow();
    cpSync(own, join(kept, 'own'), { recursive: true });
    if (existsSync(state)) cpSync(state, join(kept, 'state'), { recursive: true });
    let kills = 0;
    for (const below of [state, join(own, 'replica.json')]) {
      for (let n = 1; ; n++) {
        for (const [name, folder] of [['own', own], ['state', state]] as const) {
          rmSync(folder, { recursive: true, force: true });
          if (existsSync(join(kept, name))) cpSync(join(kept, name), folder, { recursive: true });
        }
        const env = { NODE_OPTIONS: `--import ${killer}`, KILL_BEFORE: String(n), KILL_BELOW: below };
        if ((await night.run(['init', 'nightly'], { env })).code !== null) break;
        kills++;
        const { code, stderr } = await night.run(['init', 'nightly']);
        assert.deepEqual([code, stderr], [0, ''], `change ${n} below ${below}`);
        const { unread, initialised } = (await night.run(['--json', 'status'])).json().repositories[0];
        assert.deepEqual([initialised, unread.packs, unread.indexes], [true, 4, 1], `change ${n} below ${below}`);
        assert.deepEqual(replicaNow(), before);
      }
    }
    assert.ok(kills > 4, `${kills} kills`);
    const { code, stderr } = await night.sync();
    assert.ok(code === 0 || code === 4, stderr);
  });
}
