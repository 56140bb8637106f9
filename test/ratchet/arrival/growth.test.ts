import { inReplica, verified } from '../../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { removeTree } from '../../../src/programs/remove-tree.ts';
import { writeNames } from '../../../src/state/files.ts';
import { askedFor, askedIn, fetchBounds, growthOf, manifestOf } from '../../../src/ratchet/arrival/growth.ts';
import { withFileLimit } from '../../support/fileLimit.ts';
import { boundsOf } from '../../support/rsyncContext.ts';
import { bench, put, seedFile } from '../../support/wantedFiles.ts';

test('the manifest names what is wanted and not there yet, each ended by a NUL', (t) => {
  const b = bench(t);
  const files = Array.from({ length: 2500 }, (_, n) => seedFile('index', `file ${n}`));
  for (const file of files) b.want(file);
  b.want(files[7] ?? seedFile('pack', 'none'), verified);
  b.want(seedFile('index', 'here'), inReplica);
  const manifest = join(b.paths.own, 'manifest');
  writeNames(manifest, manifestOf(b.books));
  assert.equal(readFileSync(manifest, 'latin1'), files.filter((_, n) => n !== 7).map(({ path }) => `${path}\0`).join(''));
});

test('a manifest that the disk takes only in part is an error', async (t) => {
  const b = bench(t);
  for (let n = 0; n < 50; n++) b.want(seedFile('index', `file ${n}`));
  await assert.rejects(withFileLimit(1000, () => { writeNames(join(b.paths.own, 'manifest'), manifestOf(b.books)); }), { code: 'EFBIG' });
});

test('growth is bytes, not names; the first look counts what is there', (t) => {
  const b = bench(t);
  const fresh = b.incoming.freshFolder('run');
  const hasGrown = growthOf(fresh);
  assert.equal(hasGrown(), false);
  put(fresh, 'data/00/x', '1');
  assert.deepEqual([hasGrown(), hasGrown()], [true, false]);
  put(fresh, 'data/00/x', '22');
  assert.deepEqual([hasGrown(), hasGrown()], [true, false]);
});

describe('a fetch brings what was asked for, and one more of the largest', () => {
  const overruns: readonly (readonly [bytes: number, moved: number, isOverrun: boolean])[] = [
    [0, 0, false], [60, 0, false], [90, 0, false], [91, 0, true], [60, 30, false], [60, 31, true], [0, 91, true],
  ];
  for (const [bytes, moved, isOverrun] of overruns) {
    test(`${bytes} bytes, ${moved} more moved away: ${isOverrun ? 'too many' : 'all right'}`, (t) => {
      const fresh = bench(t).incoming.freshFolder('run');
      put(fresh, 'data/00/.x.aB3dE6', Buffer.alloc(bytes));
      assert.equal(fetchBounds(boundsOf(), fresh, askedFor([10, 30, 20]), () => moved).overrun?.(), isOverrun);
    });
  }

  test('what has a name of any bytes counts', (t) => {
    const fresh = bench(t).incoming.freshFolder('run');
    writeFileSync(Buffer.concat([Buffer.from(`${fresh}/`), Buffer.from([0xff, 0xfe])]), Buffer.alloc(91));
    assert.equal(fetchBounds(boundsOf(), fresh, askedFor([10, 30, 20])).overrun?.(), true);
  });

  test('folders deeper than a path can be are more than was asked for', (t) => {
    const fresh = bench(t).incoming.freshFolder('run');
    execFileSync('perl', ['-e', 'chdir shift; for (1 .. 30) { mkdir "x" x 200; chdir "x" x 200 }', fresh]);
    const isOverrun = fetchBounds(boundsOf(), fresh, askedFor([10, 30, 20])).overrun?.();
    removeTree(fresh);
    assert.equal(isOverrun, true);
  });

  test('what was asked for is the sum of the manifest', (t) => {
    const b = bench(t);
    for (const content of ['one', 'three', 'seven']) b.want(seedFile('index', content));
    b.want(seedFile('index', 'there already'), verified);
    b.want(seedFile('index', 'old'), inReplica);
    assert.deepEqual(askedIn(b.books), { files: 3, bytes: 13, largest: 5 });
  });

  test('a folder that is not there is empty', () => {
    assert.equal(fetchBounds(boundsOf(), '/nonexistent', askedFor([])).overrun?.(), false);
  });
});
