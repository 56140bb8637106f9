/** `init` with a liar: a replica is pinned to a whole identity or not at all. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isReleaseCheck } from '../../support/release.ts';
import { digest } from '../../support/tree.ts';
import { old } from '../../support/hostile/repository.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import type { Lie } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

interface Beginning {
  readonly name: string;
  readonly rare?: boolean;
  readonly audit?: Lie;
  readonly fetch?: Lie;
  readonly stall?: string;
}

const refused: readonly Beginning[] = [
  { name: 'an empty repository', audit: { echo: { '*': 'drop' } } },
  { name: 'a list without the config', rare: true, audit: { echo: { config: 'drop' } } },
  { name: 'an early end with code 0', audit: { acts: { preamble: [{ tag: 86, bytes: [0, 0, 0, 0] }, { hang: true }] } } },
  { name: 'an exit code', audit: { acts: { end: [{ exit: 23 }] } } },
  { name: 'text among our lines', rare: true, audit: { acts: { listed: [{ tag: 2, text: 'hello' }] } } },
  { name: 'silence', rare: true, audit: { acts: { listed: [{ hang: true }] } }, stall: '2s' },
  { name: 'a config of 2 MiB', rare: true, audit: { list: { config: { size: 2 ** 21 } } } },
  { name: 'a config without end', fetch: { data: { config: { chunks: 1e9 } } } },
  { name: 'a config that does not come', fetch: { list: { config: null } } },
  { name: 'a symlink for the config', rare: true, fetch: { list: { config: { type: 'symlink' } } } },
  { name: 'a folder for the config', rare: true, fetch: { list: { config: { type: 'folder' } } } },
  { name: 'a key with another content', fetch: { data: { [old.key]: { flipped: true } } } },
  { name: 'a key that does not come', rare: true, fetch: { list: { [old.key]: null } } },
  { name: 'a file outside', fetch: { list: { '../evil': { size: 5 } } } },
  { name: 'silence in a key', fetch: { acts: { [`asked ${old.key}`]: [{ hang: true }] } }, stall: '2s' },
];

suite('init refuses', { concurrency: 2 }, () => {
  for (const { name, rare, ...orders } of refused) {
    if (rare === true && !isReleaseCheck) continue;
    test(name, async (t) => {
      const night = stage.night(t, { ...orders, crime: false });
      rmSync(night.replica, { recursive: true });
      const { code, stderr, peak } = await night.run(['init', 'nightly']);
      assert.equal(code, 1, stderr);
      assert.equal(existsSync(join(night.replica, '.rsync-ratchet', 'replica.json')), false, 'a marker');
      assert.deepEqual(existsSync(night.replica) ? digest(night.replica, { folders: false, without: ['.rsync-ratchet'] }) : [], []);
      assert.ok(peak < 160 * 2 ** 20, `${peak} bytes of memory`);
    });
  }
});
