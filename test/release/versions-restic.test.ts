/** The story of a repository that one restic made and another one proves (scripts/matrix): format, compression and version may differ. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { anyOf, overwrite } from '../support/night.ts';
import { addJunk } from '../support/proof.ts';
import { openRepository } from '../support/restic.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';
import { beginStory, format, rulesIn, takeAway } from '../support/versionStory.ts';

const sync = ['--json', 'sync'];
const without = ['.rsync-ratchet'];

test(`a repository of format ${format}: read whole, proven, poison refused, a prune let through, and restored`, async (t) => {
  const story = await beginStory(t, 'rrsync', ({ passwordFile }) => ({
    deletionGrace: 0, limits: { minFree: '0%' }, restic: { passwordFile, check: { every: '1s', readDataSubset: 1 } },
  }));
  const source = story.client.path;
  await story.must(0, ['init', 'nightly']);
  const first = await story.must(0, sync);
  assert.deepEqual([first.outcome, first.proof, first.check?.passed], ['synced', 'passed', true]);

  await story.backup({ 'old/a.txt': 'a'.repeat(5000), 'new/c.txt': 'c'.repeat(300_000), 'new/d.txt': '' });
  assert.deepEqual([(await story.must(0, sync)).proof], ['passed']);

  const poison = addJunk(source, 'snapshots');
  const before = digest(story.replica, { inode: true, without });
  assert.deepEqual(rulesIn(await story.must(3, sync)), ['unproven']);
  assert.deepEqual(digest(story.replica, { inode: true, without }), before);
  takeAway(story, poison);
  await story.must(0, ['acknowledge', 'nightly', '--reason', 'test']);

  await story.backup({ 'newest/e.txt': 'e'.repeat(100_000) });
  const [oldest] = await story.client.snapshots();
  await story.client.run(['forget', '--prune', oldest?.id ?? '']);
  await story.must(0, ['prune-window', 'open', 'nightly', '--max-deletions', '100', '--reason', 'test']);
  const pruned = await story.must(0, sync);
  assert.ok(pruned.tombstones.expired > 0, JSON.stringify(pruned));
  await openRepository(story.replica).check(true);

  const target = temporaryFolder(t);
  await openRepository(story.replica).restore('latest', target);
  assert.equal(readFileSync(join(target, 'newest/e.txt'), 'utf8'), 'e'.repeat(100_000));

  const pack = anyOf(story.replica, 'data');
  overwrite(join(story.replica, pack), readFileSync(join(story.replica, pack)).subarray(1));
  await story.must(4, ['check', 'nightly']);
});
