/**
 * An audit that lies to the lock: books in which files of the replica are new, sizes and flags are anything, names lead
 * elsewhere. Whatever they say, no file of the replica changes, and what enters hashes to its name.
 */
import { verified, wanted } from '../../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../../src/errors.ts';
import { admissionOrder } from '../../../src/layout.ts';
import { admit } from '../../../src/ratchet/arrival/admit.ts';
import { digest, sha256 } from '../../support/tree.ts';
import { temporaryFolder, type Ending } from '../../support/temporary.ts';
import { bench, put, seedFile, type Bench, type SeedFile } from '../../support/wantedFiles.ts';

const [key, pack, index, snapshot] = admissionOrder.map((type) => seedFile(type, `a ${type}`)) as [
  SeedFile,
  SeedFile,
  SeedFile,
  SeedFile,
];
const ours = [key, pack, index, snapshot];
const config = 'the pinned config';

/** A replica that holds a file of each type; the books know nothing of them yet. */
function held(t: Ending, content = (file: SeedFile) => file.content): Bench {
  const b = bench(t);
  for (const file of ours) put(b.replica, file.path, content(file));
  put(b.replica, 'config', config);
  return b;
}

const replicaOf = (b: Bench) => digest(b.replica, { folders: false, without: ['.rsync-ratchet'], inode: true });

/** Steps 5, 6 and 8 of a night by these books: what lay about, what serverA delivers, and who enters. */
async function arrive(b: Bench, deliver: (folder: string) => void): Promise<void> {
  b.incoming.takeLeftovers();
  const fresh = b.incoming.freshFolder('run');
  deliver(fresh);
  b.incoming.sweep(fresh);
  await admit(b.replica, b.paths.candidate, b.books, new Set(admissionOrder));
}

const asHeld = (file: SeedFile) => (folder: string) => void put(folder, file.path, file.content);

describe('a file of the replica that the audit calls new', () => {
  for (const file of ours) {
    test(`${file.type}: link(2) refuses its name, also for the right content, and the night fails`, async (t) => {
      const b = held(t);
      const before = replicaOf(b);
      b.want(file);
      await assert.rejects(
        arrive(b, asHeld(file)),
        (error) => error instanceof Failure && error.message.includes('has appeared in the replica'),
      );
      assert.deepEqual(replicaOf(b), before);
    });
  }

  test('is not mended either when it is damaged: that is an operator’s command', async (t) => {
    const b = held(t, () => 'rotten');
    const before = replicaOf(b);
    b.want(pack);
    await assert.rejects(arrive(b, asHeld(pack)), Failure);
    assert.deepEqual(replicaOf(b), before);
  });

  test('with other content, of a size that the audit vouches for: quarantined', async (t) => {
    const b = held(t);
    const before = replicaOf(b);
    b.want(pack, wanted, 5);
    await arrive(b, (folder) => void put(folder, pack.path, 'other'));
    assert.equal(b.findings.count('quarantined'), 1);
    assert.deepEqual(replicaOf(b), before);
  });

  test('where a symlink stands in its place: nothing is written through it', async (t) => {
    const b = held(t);
    const outside = join(temporaryFolder(t), 'outside');
    writeFileSync(outside, 'outside');
    rmSync(join(b.replica, pack.path));
    symlinkSync(outside, join(b.replica, pack.path));
    const before = [replicaOf(b), digest(outside)];
    b.want(pack);
    await assert.rejects(arrive(b, asHeld(pack)), Failure);
    assert.deepEqual([replicaOf(b), digest(outside)], before);
  });
});

test('what the audit calls verified is hashed all the same', async (t) => {
  const b = held(t);
  const before = replicaOf(b);
  const lie = seedFile('snapshot', 'a lie');
  b.want(lie, wanted | verified);
  put(b.paths.candidate, lie.path, 'not what its name says');
  b.incoming.takeLeftovers();
  assert.deepEqual(await admit(b.replica, b.paths.candidate, b.books, new Set(admissionOrder)), { files: 0, bytes: 0 });
  assert.deepEqual(replicaOf(b), before);
});

const strayNames = [
  'config',
  'lock',
  'data/x',
  'data/00/x',
  `data/${pack.id}`,
  `index/${pack.id}.tmp`,
  `keys/sub/${key.id}`,
  `locks/${key.id}`,
  '.rsync-ratchet/replica.json',
  `.rsync-ratchet/candidate/${pack.path}`,
  `data/${pack.path}`,
  pack.path.toUpperCase(),
];

for (const name of strayNames) {
  test(`a name outside the layout does not enter, whatever was accepted: ${name.slice(0, 40)}`, async (t) => {
    const b = held(t);
    const before = replicaOf(b);
    for (const type of admissionOrder) b.want({ ...seedFile(type, 'x'), id: name, path: name });
    await arrive(b, (folder) => void put(folder, name, 'x'));
    assert.equal(b.findings.count('unrequested'), 1);
    assert.deepEqual(replicaOf(b), before);
  });
}

test('names that would lead out of the replica are no names in the books', (t) => {
  const b = held(t);
  for (const id of ['../../../../etc/passwd', '/etc/passwd', '..', '', `../${pack.id}`]) {
    const entry = b.books.enter('pack', id, 1, 0);
    assert.match(b.books.path(entry), /^data\/[0-9a-f]{2}\/[0-9a-f]{64}$/);
    assert.equal(b.books.at(`data/00/${id}`), -1);
  }
});

const anyFlags = fc.integer({ min: 0, max: 2 ** 17 - 1 });

/** What the audit says of a file, and what comes of it. Most are honest: one that makes the night fail hides all others. */
const claimOf = (honest: number) =>
  fc.record({
    flags: fc.oneof(
      { weight: 40, arbitrary: fc.constant(honest) },
      { weight: 1, arbitrary: fc.constant(wanted | verified) },
      { weight: 1, arbitrary: anyFlags },
    ),
    size: fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(20) }),
    isLeftover: fc.boolean(),
    content: fc.constantFrom('right', 'wrong', 'none'),
  });

test('any flags, any sizes, any deliveries: what the replica holds stays, and what enters hashes to its name', async () => {
  const others = admissionOrder.flatMap((type) => [seedFile(type, `new ${type}`), seedFile(type, `newer ${type}`)]);
  const files = [...ours, ...others];
  let entered = 0;
  const claims = fc.tuple(...ours.map(() => claimOf(0)), ...others.map(() => claimOf(wanted)));
  await fc.assert(
    fc.asyncProperty(claims, async (claimed) => {
      const ends: (() => void)[] = [];
      const b = held({ after: (end) => void ends.push(end) });
      const before = replicaOf(b);
      const lay = (folder: string, isLeftover: boolean) => {
        for (const [at, file] of files.entries()) {
          const { content, isLeftover: isThere } = claimed[at]!;
          if (content === 'none' || isThere !== isLeftover) continue;
          put(folder, file.path, content === 'right' ? file.content : 'x'.repeat(file.content.length));
        }
      };
      for (const [at, file] of files.entries()) b.want(file, claimed[at]!.flags, claimed[at]!.size);
      lay(b.paths.candidate, true);
      await arrive(b, (folder) => lay(folder, false)).catch(() => undefined); // it may fail, as long as what follows is true
      const after = replicaOf(b);
      assert.deepEqual(
        after.filter((line) => before.includes(line)),
        before,
      );
      const paths = after.filter((line) => !before.includes(line)).map((line) => line.split(' ', 1)[0] ?? '');
      for (const path of paths) assert.equal(sha256(join(b.replica, path)), path.slice(-64), path);
      entered += paths.length;
      for (const end of ends) end();
    }),
    { numRuns: 150 },
  );
  assert.ok(entered > 60, `only ${entered} files entered: the claims are too wild to show anything`);
});
