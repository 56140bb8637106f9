/** The story of a replica between two rsyncs, which need not be of one version (scripts/matrix), through rrsync and without. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { anyOf, hashOf } from '../support/night.ts';
import { damage } from '../support/proof.ts';
import { digest } from '../support/tree.ts';
import { beginStory, rulesIn, takeAway, type Story } from '../support/versionStory.ts';

const sync = ['--json', 'sync'];
const without = ['.rsync-ratchet', 'locks'];
const same = (story: Story): void => {
  const [source, replica] = [story.client.path, story.replica].map((folder) => digest(folder, { folders: false, mode: false, mtime: false, without }));
  assert.deepEqual(replica, source);
};

/** What a compromised serverA does, a bit of each: another content, another type, a deletion, a key of somebody's own. */
function spoil(source: string): void {
  const pack = join(source, anyOf(source, 'data'));
  damage(pack);
  writeFileSync(pack, 'longer', { flag: 'a' });
  const index = join(source, anyOf(source, 'index'));
  renameSync(index, `${index}.away`);
  symlinkSync(`${index}.away`, index);
  rmSync(join(source, anyOf(source, 'snapshots')));
  writeFileSync(join(source, 'keys', hashOf(Buffer.from('key'))), 'key');
}

for (const door of ['rrsync', 'shell'] as const) {
  test(`through ${door}: a first copy, a quiet night, new files, strangers, new times, an alarm, a prune`, async (t) => {
    const story = await beginStory(t, door, () => ({ limits: { minFree: '0%' } }));
    const source = story.client.path;
    await story.must(0, ['init', 'nightly']);
    assert.equal((await story.must(0, sync)).outcome, 'synced');
    same(story);
    assert.equal((await story.must(0, sync)).outcome, 'unchanged');

    await story.backup({ 'new/c.txt': 'c'.repeat(5000) });
    assert.ok((await story.must(0, sync)).admitted.files >= 3);
    same(story);

    for (const name of ['data/odd\n\\#012name', 'readme \x01.txt']) writeFileSync(join(source, name), 'stranger');
    symlinkSync('/etc/passwd', join(source, 'link'));
    mkdirSync(join(source, 'folder/below'), { recursive: true });
    assert.deepEqual(rulesIn(await story.must(4, sync)), ['foreign']);
    for (const name of ['data/odd\n\\#012name', 'readme \x01.txt', 'link', 'folder']) takeAway(story, name);

    utimesSync(join(source, anyOf(source, 'data')), 1_700_000_000, 1_700_000_000);
    assert.deepEqual(rulesIn(await story.must(0, sync)), []);

    execFileSync('cp', ['-a', source, `${source}.kept`]);
    spoil(source);
    const before = digest(story.replica, { inode: true, without });
    assert.deepEqual(rulesIn(await story.must(3, sync)).filter((rule) => rule !== 'foreign'), ['deleted', 'modified', 'pinned', 'type-changed']);
    assert.deepEqual(digest(story.replica, { inode: true, without }), before);
    rmSync(source, { recursive: true });
    renameSync(`${source}.kept`, source);
    await story.must(0, ['acknowledge', 'nightly', '--reason', 'test']);

    const [oldest] = await story.client.snapshots();
    await story.client.run(['forget', '--prune', oldest?.id ?? '']);
    await story.must(0, ['prune-window', 'open', 'nightly', '--max-deletions', '100', '--reason', 'test']);
    const pruned = await story.must(0, sync);
    assert.ok(pruned.tombstones.added > 0);
    assert.deepEqual(rulesIn(pruned), []);
    assert.equal((await story.must(0, sync)).outcome, 'unchanged');
  });
}
