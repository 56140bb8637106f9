/** What restic's proof of a night's candidates comes to: passed, held back, junk, or our own trouble. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Books, type Entry } from '../../src/audit/books.ts';
import { inReplica, verified, waiting } from '../../src/audit/questions.ts';
import { placeOf } from '../../src/layout.ts';
import type { Proof } from '../../src/proof/proof.ts';
import { KnownBlobs } from '../../src/proof/known-blobs.ts';
import { Missing } from '../../src/proof/missing-packs.ts';
import { prove, structuralJunk } from '../../src/proof/prove.ts';
import { passwordIn } from '../support/askRestic.ts';
import { Restic } from '../../src/programs/restic.ts';
import { type Road } from '../../src/programs/restic-question.ts';
import { anyOf, filesBelow, hashOf } from '../support/night.ts';
import { repositoryConfig } from '../support/repositoryConfig.ts';
import { openRepository, preparedRepository } from '../support/restic.ts';
import { keyFile } from '../support/resticInit.ts';
import { type Ending, temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';

interface Place {
  readonly replica: string;
  readonly candidate: string;
  readonly books: Books;
  /** The candidates of a good backup. */
  readonly added: readonly string[];
  readonly snapshot: string;
  /** Another candidate, entered in the books as verified. */
  add(kind: 'index' | 'snapshots' | 'keys' | 'data', content: Buffer): string;
  entry(path: string): Entry;
  paths(entries: readonly Entry[]): string[];
  prove(password?: string, road?: Road): Promise<Proof>;
}

function enter(books: Books, root: string, path: string, flag: number): Entry {
  const place = placeOf(path);
  if (!('id' in place)) assert.fail(path);
  const entry = books.enter(place.of, place.id, statSync(join(root, path)).size, 0);
  books.set(entry, flag);
  return entry;
}

/** A replica, and the candidates of a backup that was made later. */
async function placeFor(t: Ending): Promise<Place> {
  const folder = temporaryFolder(t);
  const [replica, candidate, scratch, state] = ['replica', 'candidate', 'scratch', 'state'].map((name) => join(folder, name)) as [string, string, string, string];
  for (const path of [scratch, candidate]) mkdirSync(path);
  const repository = await preparedRepository(replica);
  const files = (): string[] => filesBelow(replica).filter((path) => /^(data|index|snapshots|keys)\//.test(path));
  const before = new Set(files());
  const snapshot = `snapshots/${await repository.backup({ 'a file': randomBytes(20_000) })}`;
  const added = files().filter((path) => !before.has(path));
  const books = new Books();
  const put = (path: string): string => {
    mkdirSync(dirname(join(candidate, path)), { recursive: true });
    return join(candidate, path);
  };
  for (const path of added) renameSync(join(replica, path), put(path));
  for (const path of before) enter(books, replica, path, inReplica);
  for (const path of added) enter(books, candidate, path, verified);
  return {
    replica, candidate, books, added, snapshot,
    add: (kind, content) => {
      const name = hashOf(content);
      const path = kind === 'data' ? `data/${name.slice(0, 2)}/${name}` : `${kind}/${name}`;
      writeFileSync(put(path), content);
      enter(books, candidate, path, verified);
      return path;
    },
    entry: (path) => enter(books, candidate, path, verified),
    paths: (entries) => entries.map((entry) => books.path(entry)).sort(),
    prove: (password, road) => {
      const passwordFile = password === undefined ? repository.passwordFile : join(folder, 'another');
      if (password !== undefined) writeFileSync(passwordFile, password);
      const restic = new Restic(repositoryConfig({ replica }), passwordIn(passwordFile), scratch, new AbortController().signal, road);
      return prove({ restic, books, candidate, scratch, until: Date.now() + 600_000, mayEnterUnread: false, known: new KnownBlobs(state), missing: new Missing(state, () => false) });
    },
  };
}

const content = ({ replica, candidate }: Place): string[] => [...digest(replica, { inode: true, without: ['.rsync-ratchet'] }), ...digest(candidate, { inode: true })];

for (const road of ['overlay', 'links', 'unisolated'] as const) {
  test(`a good backup passes and no file is changed (${road})`, async (t) => {
    const place = await placeFor(t);
    mkdirSync(join(place.replica, '.rsync-ratchet'));
    const before = content(place);
    const proof = await place.prove(undefined, road);
    assert.deepEqual([proof.outcome, 'doubts' in proof && proof.doubts], ['passed', []]);
    assert.equal('unread' in proof && proof.unread.length, road === 'unisolated' ? 3 : 0, 'without isolation new packs and indexes enter unread');
    assert.deepEqual(content(place), before);
  });

  test(`junk is named file by file, whatever else is new (${road})`, async (t) => {
    const place = await placeFor(t);
    mkdirSync(join(place.replica, '.rsync-ratchet'));
    const junk = [place.add('index', randomBytes(300)), place.add('snapshots', randomBytes(300)), place.add('snapshots', randomBytes(40))];
    const pack = place.add('data', randomBytes(300));
    if (road !== 'unisolated') junk.push(pack); // there nothing is read, only opened
    const before = content(place);
    const proof = await place.prove(undefined, road);
    assert.ok(proof.outcome === 'failed');
    assert.deepEqual(place.paths(proof.junk.map(({ entry }) => entry)), junk.sort());
    for (const { message } of proof.junk) assert.match(message, /decrypt|verification|unexpected|invalid|header/);
    assert.deepEqual(content(place), before);
  });
}

test('an index of another repository does not decrypt here', async (t) => {
  const place = await placeFor(t);
  const junk = place.add('index', Buffer.concat([readFileSync(join(place.replica, anyOf(place.replica, 'index'))), Buffer.from('x')]));
  const proof = await place.prove();
  assert.ok(proof.outcome === 'failed');
  assert.deepEqual(place.paths(proof.junk.map(({ entry }) => entry)), [junk]);
});

test('an index waits for its missing packs, and the snapshot for the index', async (t) => {
  const place = await placeFor(t);
  const packs = place.added.filter((path) => path.startsWith('data/'));
  for (const pack of packs) {
    rmSync(join(place.candidate, pack));
    place.books.clear(place.books.at(pack), verified);
  }
  const proof = await place.prove();
  assert.ok(proof.outcome === 'passed');
  const index = place.added.find((path) => path.startsWith('index/'));
  const expected = [...packs.map((pack) => `missing-pack ${pack}`), `missing-pack ${index}`, `held-back ${place.snapshot}`];
  assert.deepEqual(proof.doubts.map(({ rule, path }) => `${rule} ${path}`).sort(), expected.sort());
});

test('what waits is not shown to restic: junk that waits harms nobody, and a snapshot without its index is held back', async (t) => {
  const place = await placeFor(t);
  place.books.set(place.entry(place.add('index', randomBytes(300))), waiting);
  assert.deepEqual(await place.prove(), { outcome: 'passed', doubts: [], unread: [] });
  for (const path of place.added.filter((one) => one.startsWith('index/'))) place.books.set(place.entry(path), waiting);
  const proof = await place.prove();
  assert.ok(proof.outcome === 'passed');
  assert.deepEqual(place.paths(proof.doubts.map(({ entry }) => entry ?? assert.fail())), [place.snapshot]);
});

test('a wrong password is our own trouble, whatever is new', async (t) => {
  const place = await placeFor(t);
  place.add('index', randomBytes(300));
  await assert.rejects(place.prove('not the password\n'), (error: Error & { hint: string }) => {
    assert.match(error.message, /^restic cannot open the replica itself: .*(wrong password|no key found)/);
    assert.match(error.hint, /restic\.passwordFile or passwordCommand gives the wrong password/);
    return true;
  });
});

test('a replica that restic cannot open by itself is our own trouble, with another hint', async (t) => {
  const place = await placeFor(t);
  const index = join(place.replica, anyOf(place.replica, 'index'));
  chmodSync(index, 0o600);
  writeFileSync(index, randomBytes(300));
  await assert.rejects(place.prove(), (error: Error & { hint: string }) => {
    assert.match(error.message, /^restic cannot open the replica itself: /);
    assert.match(error.hint, /restic version/);
    return true;
  });
});

/** The replica's key as JSON, changed. */
function keyWith(place: Place, change: object): Buffer {
  const key = JSON.parse(readFileSync(join(place.replica, anyOf(place.replica, 'keys')), 'utf8')) as object;
  return Buffer.from(JSON.stringify({ ...key, ...change }));
}

test('a key that our password opens, and that holds another master key, would stop restic for everybody: junk', async (t) => {
  const place = await placeFor(t);
  const junk = place.add('keys', Buffer.from(keyFile(openRepository(place.replica).password, randomBytes(64))));
  assert.deepEqual(structuralJunk(place.candidate, place.books), []);
  const proof = await place.prove();
  assert.ok(proof.outcome === 'failed');
  assert.deepEqual(place.paths(proof.junk.map(({ entry }) => entry)), [junk]);
});

test('a key for another password, and a second one for ours, pass', async (t) => {
  const place = await placeFor(t);
  place.add('keys', keyWith(place, { data: randomBytes(100).toString('base64') }));
  place.add('keys', Buffer.concat([keyWith(place, {}), Buffer.from('\n')]));
  assert.deepEqual(await place.prove(), { outcome: 'passed', doubts: [], unread: [] });
});

test('what cannot be what its folder says is found without restic', async (t) => {
  const place = await placeFor(t);
  const junk = [
    place.add('index', randomBytes(31)), place.add('snapshots', Buffer.alloc(0)), place.add('data', randomBytes(1)), place.add('keys', Buffer.from('null')),
    place.add('keys', randomBytes(300)), place.add('keys', Buffer.alloc(1024 * 1024 + 1, ' ')),
  ];
  place.add('index', randomBytes(32));
  const found = structuralJunk(place.candidate, place.books);
  assert.deepEqual(place.paths(found.map(({ entry }) => entry)), junk.sort());
  assert.ok(readdirSync(place.candidate).length > 0);
});
