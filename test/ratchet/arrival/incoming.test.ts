import { inReplica, rejected, taken, verified, wanted } from '../../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, readFileSync, statfsSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sha256OfFile as sha256Of } from '../../../src/state/file-hash.ts';
import { setVariables } from '../../support/environment.ts';
import { alias, bench, put, seedFile, type Bench, type SeedFile } from '../../support/wantedFiles.ts';
import { digest } from '../../support/tree.ts';

const pack = seedFile('pack', 'a pack');
const filesIn = (folder: string): string[] => digest(folder, { folders: false }).map((line) => line.split(' ', 1)[0] ?? '');
const found = ({ findings }: Bench): string[] => findings.kept.map(({ severity, rule, path, message }) => `${severity} ${rule} ${path}: ${message}`);
const place = (b: Bench) => ({ candidate: b.paths.candidate, quarantine: b.paths.quarantine, fresh: b.incoming.freshFolder('run') });

/** What lies in incoming under the name of a wanted pack, and why it is refused; undefined: it is right. */
const deliveries: readonly (readonly [name: string, deliver: (path: string) => void, fault: RegExp | undefined])[] = [
  ['the right file', (path) => writeFileSync(path, pack.content), undefined],
  ['a file of other modes', (path) => writeFileSync(path, pack.content, { mode: 0o644 }), undefined],
  ['another content of the same size', (path) => writeFileSync(path, pack.content.toUpperCase()), /^its content has the SHA-256 [0-9a-f]{64}$/],
  ['a longer file', (path) => writeFileSync(path, `${pack.content}x`), /^has 7 bytes, serverA listed 6$/],
  ['a truncated file', (path) => { writeFileSync(path, pack.content); truncateSync(path, 3); }, /^has 3 bytes, serverA listed 6$/],
  ['an empty file', (path) => writeFileSync(path, ''), /^has 0 bytes, serverA listed 6$/],
  ['a symlink to the right file', (path) => { writeFileSync(`${path}.real`, pack.content); symlinkSync(`${path}.real`, path); }, /^not a regular file$/],
  ['a symlink to nothing', (path) => symlinkSync('/nonexistent', path), /^not a regular file$/],
  ['a fifo', (path) => execFileSync('mkfifo', [path]), /^not a regular file$/],
  ['an empty folder', (path) => mkdirSync(path), /^not a regular file$/],
  ['a folder with the right file in it', (path) => put(path, pack.id, pack.content), /^not a regular file$/],
  ['a file that has another name somewhere', (path) => { writeFileSync(path, pack.content); alias(path, join(path, '../../../../elsewhere')); }, /^has a second link$/],
];

describe('what is delivered under a wanted name', () => {
  for (const when of ['while the transfer runs', 'afterwards']) {
    for (const [name, deliver, fault] of deliveries) {
      test(`${name}, ${when}: ${fault === undefined ? 'a candidate' : 'quarantined'}`, (t) => {
        const b = bench(t);
        b.want(pack);
        const { candidate, quarantine, fresh } = place(b);
        put(fresh, `data/${pack.id.slice(0, 2)}/.keep`, '');
        deliver(join(fresh, pack.path));
        if (when === 'while the transfer runs') b.incoming.verify(fresh, pack.path);
        const before = [b.has(pack, taken), b.has(pack, rejected)];
        assert.ok(!b.has(pack, verified), 'nobody has hashed it');
        b.incoming.sweep(fresh);
        const isRight = fault === undefined;
        // The content of a small file is looked at when rsync has ended.
        if (when === 'while the transfer runs') assert.deepEqual(before, isRight || name.startsWith('another content') ? [true, false] : [false, true]);
        assert.deepEqual([b.has(pack, verified), b.has(pack, rejected)], [isRight, !isRight]);
        assert.equal(b.findings.count('quarantined'), isRight ? 0 : 1);
        if (isRight) {
          assert.equal(readFileSync(join(candidate, pack.path), 'utf8'), pack.content);
          assert.equal(lstatSync(join(candidate, pack.path)).mode & 0o7777, 0o400);
        } else {
          assert.match(b.findings.kept.find(({ rule }) => rule === 'quarantined')?.message ?? '', fault);
          assert.ok(lstatSync(join(quarantine, pack.path)));
          assert.throws(() => lstatSync(join(candidate, pack.path)), { code: 'ENOENT' });
        }
        assert.deepEqual([b.incoming.tally.delivered.files, b.incoming.tally.quarantined.files], isRight ? [1, 0] : [0, 1]);
        assert.throws(() => lstatSync(fresh), { code: 'ENOENT' });
      });
    }
  }

  test('empty files are files, too', (t) => {
    const b = bench(t);
    const { fresh, candidate } = place(b);
    const { path } = b.want(seedFile('index', ''));
    put(fresh, path, '');
    b.incoming.sweep(fresh);
    assert.deepEqual([found(b), filesIn(candidate)], [[], [path]]);
  });

  test('bytes and files are counted', (t) => {
    const b = bench(t);
    const { fresh } = place(b);
    for (const content of ['one', 'three']) put(fresh, b.want(seedFile('index', content)).path, content);
    put(fresh, b.want(seedFile('index', 'bad')).path, 'worse');
    b.incoming.sweep(fresh);
    assert.deepEqual(b.incoming.tally, { delivered: { files: 2, bytes: 8 }, quarantined: { files: 1, bytes: 5 } });
  });

  test('quarantine keeps one copy of a name: the newest, whatever type it has', (t) => {
    const b = bench(t);
    put(b.paths.quarantine, `${pack.path}/x`, 'an older folder');
    b.want(pack);
    const { fresh, quarantine } = place(b);
    put(fresh, pack.path, 'newer');
    b.incoming.sweep(fresh);
    assert.equal(readFileSync(join(quarantine, pack.path), 'utf8'), 'newer');
    assert.deepEqual(filesIn(quarantine), [pack.path]);
  });
});

describe('what nobody asked for', () => {
  const other = seedFile('pack', 'not wanted');
  const names: readonly (readonly [name: string, path: string, prepare: (b: Bench) => void])[] = [
    ['a pack that is not in the books', other.path, () => undefined],
    ['a pack that the replica has', other.path, (b) => b.want(other, inReplica)],
    ['a file beside the layout', 'x', () => undefined],
    ['the config', 'config', () => undefined],
    ['a wanted pack in a wrong folder', `data/00/${pack.id}`, (b) => b.want(pack)],
    ['a wanted ID of another type', `index/${pack.id}`, (b) => b.want(pack)],
    ['our own folder', '.rsync-ratchet/replica.json', () => undefined],
  ];
  for (const [name, path, prepare] of names) {
    test(`${name}: thrown away, and said once`, (t) => {
      const b = bench(t);
      prepare(b);
      const { fresh } = place(b);
      put(fresh, path, other.content);
      b.incoming.verify(fresh, path);
      b.incoming.sweep(fresh);
      assert.deepEqual(found(b), [`warning unrequested ${path}: delivered without having been asked for; thrown away`]);
      assert.deepEqual([filesIn(b.paths.own), b.incoming.tally.delivered.files], [[], 0]);
    });
  }

  test('symlinks, fifos and odd names: thrown away, shown escaped, nothing followed', (t) => {
    const b = bench(t);
    const { fresh } = place(b);
    const outside = put(b.replica, 'outside/precious', 'x');
    symlinkSync(join(outside, '..'), join(fresh, 'link'));
    execFileSync('mkfifo', [join(fresh, 'fifo')]);
    writeFileSync(Buffer.concat([Buffer.from(`${fresh}/odd\n`), Buffer.from([0xff, 0x1b])]), '');
    b.incoming.sweep(fresh);
    assert.deepEqual(b.findings.kept.map(({ path }) => path).sort(), ['fifo', 'link', 'odd\\#012\\#377\\#033']);
    assert.equal(readFileSync(outside, 'utf8'), 'x');
    assert.throws(() => lstatSync(fresh), { code: 'ENOENT' });
  });

  test('a second delivery of the same name changes nothing', (t) => {
    const b = bench(t);
    b.want(pack);
    const { fresh, candidate } = place(b);
    put(fresh, pack.path, pack.content);
    b.incoming.verify(fresh, pack.path);
    put(fresh, pack.path, 'worse!');
    b.incoming.sweep(fresh);
    assert.equal(readFileSync(join(candidate, pack.path), 'utf8'), pack.content);
    assert.deepEqual([b.findings.count('unrequested'), b.findings.count('quarantined'), b.has(pack, verified)], [1, 0, true]);
  });

  test('what rsync had not finished is no news', (t) => {
    const b = bench(t);
    b.want(pack);
    const { fresh } = place(b);
    put(fresh, `data/${pack.id.slice(0, 2)}/.${pack.id}.a1B2c3`, 'half');
    put(fresh, `.${pack.id}.XXXXXX`, 'half');
    b.incoming.sweep(fresh);
    assert.deepEqual([found(b), filesIn(b.paths.own), b.has(pack, wanted), b.has(pack, rejected)], [[], [], true, false]);
  });

  test('names that only rsync\'s output has are looked for and not found', (t) => {
    const b = bench(t);
    const { fresh } = place(b);
    for (const path of ['x', '../x', '../../replica.json', 'a\\#012b', '', '/', pack.path]) b.incoming.verify(fresh, path);
    b.incoming.sweep(fresh);
    assert.deepEqual(found(b), []);
  });
});

describe('an rsync that was taken over', () => {
  const [large, other] = ['a', 'b'].map((letter) => seedFile('pack', letter.repeat(2 ** 20))) as [SeedFile, SeedFile];
  const delivered = (b: Bench, ...files: SeedFile[]): string => {
    const fresh = b.incoming.freshFolder('run');
    for (const file of files) put(fresh, b.want(file).path, file.content);
    return fresh;
  };
  const isRefused = (b: Bench, file: SeedFile, message: RegExp): void => {
    assert.deepEqual([b.has(file, verified), b.has(file, rejected), b.findings.count('quarantined')], [false, true, 1]);
    assert.match(found(b)[0] ?? '', message);
    assert.throws(() => lstatSync(join(b.paths.candidate, file.path)), { code: 'ENOENT' });
    assert.ok(lstatSync(join(b.paths.quarantine, file.path)));
    assert.deepEqual(b.incoming.tally.delivered.files, [large, other].filter((each) => b.has(each, verified)).length);
  };

  test('what is hashed has left its reach: nothing lies under the name any more', (t) => {
    const b = bench(t);
    const fresh = delivered(b, large);
    b.incoming.verify(fresh, large.path);
    assert.throws(() => lstatSync(join(fresh, large.path)), { code: 'ENOENT' });
    assert.equal(lstatSync(join(b.paths.candidate, large.path)).size, 2 ** 20);
    b.incoming.sweep(fresh);
    assert.deepEqual([b.has(large, verified), found(b), b.incoming.tally.delivered], [true, [], { files: 1, bytes: 2 ** 20 }]);
  });

  for (const [name, file] of [['a small file', pack], ['a large file', large]] as const) {
    test(`${name} that it kept open and changes: quarantined`, (t) => {
      const b = bench(t);
      const fresh = delivered(b, file, other);
      const kept = openSync(join(fresh, file.path), 'r+');
      for (const each of [file, other]) b.incoming.verify(fresh, each.path);
      writeSync(kept, 'X', 0);
      closeSync(kept);
      b.incoming.sweep(fresh);
      isRefused(b, file, file === large ? /changed after it was verified; its content has/ : /: its content has the SHA-256/);
      assert.ok(b.has(other, verified));
    });
  }

  test('a large file that it changes through a mapping that was dirty before: quarantined', async (t) => {
    // tmpfs knows no dirty pages; a replica on one would be gone with the next boot anyway.
    const isMemory = statfsSync(tmpdir()).type === 0x01021994;
    if (isMemory) setVariables(t, { TMPDIR: fileURLToPath(new URL('../../../node_modules', import.meta.url)) });
    const b = bench(t);
    const fresh = delivered(b, large, other);
    const script = 'import mmap, sys; f = open(sys.argv[1], "r+b"); m = mmap.mmap(f.fileno(), 0); m[0] = m[0]; print(flush=True); sys.stdin.readline(); m[0] = 88; print(flush=True); sys.stdin.readline()';
    const mapper = spawn('python3', ['-c', script, join(fresh, large.path)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [exited, words] = [once(mapper, 'exit'), mapper.stdout[Symbol.asyncIterator]()];
    await words.next();
    for (const each of [large, other]) b.incoming.verify(fresh, each.path);
    assert.ok(b.has(large, verified));
    mapper.stdin.write('\n');
    await words.next();
    mapper.stdin.end();
    await exited;
    b.incoming.sweep(fresh);
    isRefused(b, large, /changed after it was verified; its content has/);
  });

  test('a folder without rights or without end stops neither this night nor the next', (t) => {
    const b = bench(t);
    const fresh = delivered(b, pack);
    execFileSync('python3', ['-c', 'import os, sys; os.chdir(sys.argv[1]); [(os.mkdir("x" * 200), os.chdir("x" * 200)) for _ in range(60)]', fresh]);
    for (const folder of [`data/${pack.id.slice(0, 2)}`, 'data', '.']) chmodSync(join(fresh, folder), 0);
    b.incoming.verify(fresh, pack.path);
    b.incoming.sweep(fresh);
    assert.deepEqual([b.has(pack, verified), b.findings.count('unrequested'), filesIn(b.paths.incoming)], [true, 1, []]);
    assert.throws(() => lstatSync(fresh), { code: 'ENOENT' });
  });
});

describe('what a broken run left', () => {
  const left = (folder: string, file: SeedFile, content = file.content): SeedFile => { put(folder, file.path, content); return file; };

  test('right and still wanted: a candidate, not counted as delivered; the rest goes, and nothing is said', (t) => {
    const b = bench(t);
    const { paths } = b;
    const [inIncoming, inCandidate, gone, wrong, half] = ['one', 'two', 'three', 'four', 'five'].map((content) => seedFile('pack', content)) as [SeedFile, SeedFile, SeedFile, SeedFile, SeedFile];
    for (const each of [inIncoming, inCandidate, wrong, half]) b.want(each);
    left(join(paths.incoming, 'run 1'), inIncoming);
    left(join(paths.incoming, 'run 2'), wrong, 'FOUR');
    put(join(paths.incoming, 'run 2'), `data/${half.id.slice(0, 2)}/.${half.id}.a1B2c3`, 'fi');
    put(join(paths.incoming, 'run 2'), 'x\n', '');
    left(paths.candidate, inCandidate);
    left(paths.candidate, gone);
    b.incoming.takeLeftovers();
    assert.deepEqual(filesIn(paths.own), [`candidate/${inIncoming.path}`, `candidate/${inCandidate.path}`].sort());
    assert.deepEqual([inIncoming, inCandidate, gone, wrong, half].map((each) => b.has(each, verified)), [true, true, false, false, false]);
    assert.deepEqual([found(b), b.incoming.tally], [[], { delivered: { files: 0, bytes: 0 }, quarantined: { files: 0, bytes: 0 } }]);
    assert.equal(b.has(wrong, rejected), false, 'it may come again tonight');
  });

  test('a candidate that has changed since it was verified is none', (t) => {
    const b = bench(t);
    left(b.paths.candidate, b.want(pack), 'A PACK');
    b.incoming.takeLeftovers();
    assert.deepEqual([filesIn(b.paths.own), b.has(pack, verified)], [[], false]);
  });

  test('a candidate that the replica has meanwhile is dropped there, not here', (t) => {
    const b = bench(t);
    left(b.paths.candidate, b.want(pack, inReplica));
    alias(join(b.paths.candidate, pack.path), join(b.replica, pack.path));
    b.incoming.takeLeftovers();
    assert.deepEqual([filesIn(b.paths.own), readFileSync(join(b.replica, pack.path), 'utf8')], [[], pack.content]);
  });

  test('killed while it was taking over, nothing that was verified is lost', (t) => {
    const [b, one, two] = [bench(t), seedFile('pack', 'one'), seedFile('pack', 'two')];
    left(join(b.paths.incoming, 'candidate'), b.want(one)); // not looked at yet
    left(b.paths.candidate, b.want(two)); // verified anew already
    b.incoming.takeLeftovers();
    assert.deepEqual(filesIn(b.paths.own), [one, two].map(({ path }) => `candidate/${path}`).sort());
  });

  test('there is nothing, or not even the folder', (t) => {
    const b = bench(t);
    for (const folder of [b.paths.incoming, b.paths.quarantine]) execFileSync('rm', ['-r', folder]);
    b.incoming.takeLeftovers();
    assert.ok(lstatSync(b.paths.incoming).isDirectory());
  });
});

test('the hash is that of sha256sum, at every size around the buffer\'s', (t) => {
  const b = bench(t);
  for (const size of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
    const path = put(b.replica, 'x', Buffer.alloc(size, 'x'));
    const file = openSync(path, 'r');
    assert.equal(sha256Of(file), execFileSync('sha256sum', [path], { encoding: 'utf8' }).slice(0, 64));
    closeSync(file);
  }
});
