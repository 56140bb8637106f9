/** Names that do not belong into a repository: told, never copied, and harmless to whoever reads of them. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { program } from '../../support/cli.ts';
import { anyOf, filesBelow, hashOf, type Judged, type Night, overwrite, pathsOf, type ServerA, startServerA } from '../../support/night.ts';
import { shellQuoted } from '../../support/sshd.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** Exit 4 with these findings alone; the replica as before. */
function assertOnlyWarned(night: Night, judged: Judged, rule: string, paths: readonly string[], before: readonly string[]): void {
  assert.deepEqual([judged.code, judged.run.outcome], [4, 'warned']);
  assert.deepEqual(pathsOf(judged, rule).sort(), [...paths].sort());
  assert.equal(judged.run.findings.length, paths.length, JSON.stringify(judged.run.findings));
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(readdirSync(night.temporary), []);
}

test('a stray file in the replica is told and left alone', async (t) => {
  const night = await serverA.night(t);
  const name = hashOf(Buffer.from('elsewhere'));
  mkdirSync(join(night.replica, 'notes'));
  const strays = ['thesis.txt', 'notes/todo', `data/${name}`, 'index/short'];
  for (const path of strays) writeFileSync(join(night.replica, path), 'mine');
  const before = night.replicaNow();
  assertOnlyWarned(night, await night.sync(), 'stray', ['notes', ...strays], before);
  assert.match(night.config.mails()[0]?.subject ?? '', /^\[WARNING\] nightly on \S+: nothing new; 5 stray$/);
});

test('names to ignore may be any text: they are left out on both sides, and another spelling of their bytes is not', async (t) => {
  const night = await serverA.night(t, { changes: { repositories: { nightly: { ignore: ['B\u00fcro', 'notes'] } } } });
  for (const folder of [night.replica, night.repository.path]) {
    for (const name of ['B\u00fcro', 'notes']) writeFileSync(join(folder, name), folder);
  }
  const quiet = await night.sync();
  assert.deepEqual([quiet.code, quiet.run.findings], [0, []]);
  writeFileSync(Buffer.concat([Buffer.from(`${night.replica}/B`), Buffer.from([0xfc]), Buffer.from('ro')]), 'x');
  assertOnlyWarned(night, await night.sync(), 'stray', ['B\\#374ro'], night.replicaNow());
});

test('a symlink that was put into the replica is told and left alone', async (t) => {
  const night = await serverA.night(t);
  symlinkSync('/etc/passwd', join(night.replica, 'link'));
  const before = night.replicaNow();
  assertOnlyWarned(night, await night.sync(), 'stray', ['link'], before);
});

test('a symlink, a fifo, a socket and a folder that restic does not use are told and not copied', async (t) => {
  const night = await serverA.night(t);
  const { path } = night.repository;
  const pack = hashOf(Buffer.from('a pack that is no file'));
  symlinkSync('/etc/passwd', join(path, 'passwd'));
  symlinkSync('../config', join(path, 'keys/link'));
  symlinkSync('/etc/passwd', join(path, `data/${pack.slice(0, 2)}/${pack}`));
  execFileSync('mkfifo', [join(path, 'index/fifo')]);
  execFileSync('python3', ['-c', 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', join(path, 'socket')]);
  mkdirSync(join(path, 'backup/old'), { recursive: true });
  mkdirSync(join(path, `snapshots/${pack}`));
  writeFileSync(join(path, 'backup/old/file'), 'x');
  const before = night.replicaNow();
  const told = ['passwd', 'keys/link', `data/${pack.slice(0, 2)}/${pack}`, 'index/fifo', 'socket', 'backup', `snapshots/${pack}`];
  assertOnlyWarned(night, await night.sync(), 'foreign', told, before);
});

test('names that are nearly those of the layout are told and not copied', async (t) => {
  const night = await serverA.night(t);
  const { path } = night.repository;
  const id = hashOf(Buffer.from('x'));
  const other = id.startsWith('00') ? '11' : '00';
  const names = [`index/${id.toUpperCase()}`, `index/${id}x`, `index/${id.slice(1)}`, `data/${other}/${id}`, `data/${id}`, `keys/${id}.bak`, 'Config', 'config '];
  for (const name of names) writeFileSync(join(path, name), 'x');
  const before = night.replicaNow();
  assertOnlyWarned(night, await night.sync(), 'foreign', names, before);
});

/** Names made to fool whoever reads a report, as bytes, and as rsync shows them. */
const hostile: readonly (readonly [bytes: Buffer, shown: string])[] = [
  [Buffer.from('two\nlines'), 'two\\#012lines'],
  [Buffer.from('\n*deleting   config'), '\\#012*deleting   config'],
  [Buffer.from('ends with\n'), 'ends with\\#012'],
  [Buffer.from('\r\x1b[31mred\x1b[0m\x1b]0;title\x07'), '\\#015\\#033[31mred\\#033[0m\\#033]0;title\\#007'],
  [Buffer.from('a\ttab'), 'a\\#011tab'],
  [Buffer.from([0x6e, 0xff, 0xfe, 0x80]), 'n\\#377\\#376\\#200'],
  [Buffer.from('\u202egnp.exe'), '\\#342\\#200\\#256gnp.exe'],
  [Buffer.from('   leading blanks'), '   leading blanks'],
  [Buffer.from(' '), ' '],
  [Buffer.from('a -> b'), 'a -> b'],
  [Buffer.from('*deleting   x'), '*deleting   x'],
  [Buffer.from('\\#012'), '\\#134#012'],
  [Buffer.from('-e sh'), '-e sh'],
  [Buffer.from('<b>&amp;"\'$(id)`id`'), '<b>&amp;"\'$(id)`id`'],
  [Buffer.from('skipping non-regular file "config"'), 'skipping non-regular file "config"'],
  [Buffer.from('x'.repeat(255)), 'x'.repeat(255)],
  [Buffer.from('é'.repeat(127)), '\\#303\\#251'.repeat(127)],
];

/** What may be printed: visible ASCII, blanks and line ends. */
const printable = /^[\n -~]*$/;

test('names with newlines, escape codes, odd bytes or rsync\'s own words are told escaped, and fool nobody', async (t) => {
  const night = await serverA.night(t);
  for (const folder of ['', 'keys/', 'data/05/', 'snapshots/']) {
    for (const [name] of hostile) writeFileSync(Buffer.concat([Buffer.from(join(night.repository.path, folder, '/')), name]), 'x');
  }
  const before = night.replicaNow();
  const shown = ['', 'keys/', 'data/05/', 'snapshots/'].flatMap((folder) => hostile.map(([, name]) => `${folder}${name}`));
  const judged = await night.sync();
  assertOnlyWarned(night, judged, 'foreign', shown, before);
  for (const text of [judged.stdout, judged.stderr]) assert.match(text, printable);
  const said = await night.run(['--verbose', 'sync']);
  assert.equal(said.code, 4);
  for (const text of [said.stdout, said.stderr]) assert.match(text, printable);
  const terminal = onTerminal(night);
  assert.ok(terminal.includes('two\\#012lines'), terminal);
  assert.match(terminal.replaceAll('\r\n', '\n'), printable);
  const [mail] = night.config.mails();
  assert.match(mail?.raw ?? '', printable);
  assert.match(mail?.text ?? '', printable);
  // Fifty of a rule are shown, the others counted.
  assert.ok(mail?.text.includes('... and 18 more'), mail?.text);
  assert.equal(mail?.text.split('\n').filter((line) => line.startsWith('  - ')).length, 50);
});

/** What `sync` prints on a terminal, in bytes as latin1. Without colours: they are escape codes of our own. */
function onTerminal(night: Night): string {
  const words = [process.execPath, program, '--config', night.config.file, 'sync'].map(shellQuoted).join(' ');
  const env = { PATH: process.env['PATH'], HOME: night.folder, TMPDIR: night.temporary, NO_COLOR: '1', TERM: 'xterm' };
  return spawnSync('script', ['-qec', words, '/dev/null'], { encoding: 'latin1', env, stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
}

test('symlinks with such names are told escaped as well', async (t) => {
  const night = await serverA.night(t);
  for (const [name] of hostile) symlinkSync(Buffer.concat([Buffer.from('/'), name]), Buffer.concat([Buffer.from(`${night.repository.path}/keys/`), name]));
  const before = night.replicaNow();
  assertOnlyWarned(night, await night.sync(), 'foreign', hostile.map(([, name]) => `keys/${name}`), before);
});

test('such names in the replica are told escaped and left alone', async (t) => {
  const night = await serverA.night(t);
  for (const [name] of hostile) writeFileSync(Buffer.concat([Buffer.from(`${night.replica}/index/`), name]), 'x');
  const before = night.replicaNow();
  assertOnlyWarned(night, await night.sync(), 'stray', hostile.map(([, name]) => `index/${name}`), before);
});

test('among such names a violation is still found, and the new backup beside them is still copied', async (t) => {
  const night = await serverA.night(t);
  for (const [name] of hostile) writeFileSync(Buffer.concat([Buffer.from(`${night.repository.path}/data/`), name]), 'x');
  await night.repository.backup({ 'a file': 'new' });
  const copied = await night.sync();
  assert.deepEqual([copied.code, copied.run.admitted.files], [4, 4]);
  const pack = anyOf(night.repository.path, 'data');
  renameSync(join(night.repository.path, pack), join(night.repository.path, 'data/renamed'));
  const stopped = await night.sync();
  assert.deepEqual([stopped.code, pathsOf(stopped, 'deleted')], [3, [pack]]);
});

test('the words of the alarm mail hold for the files that it names', async (t) => {
  const night = await serverA.night(t);
  const { path } = night.repository;
  for (const name of readdirSync(join(path, 'index'))) overwrite(join(path, 'index', name), `changed ${name}`);
  const { code } = await night.run(['sync']);
  assert.equal(code, 3);
  const [mail] = night.config.mails();
  const text = mail?.text ?? '';
  for (const name of filesBelow(join(night.replica, 'index'))) assert.ok(text.includes(`- index/${name}: size `), text);
  const journal = readFileSync(join(night.config.state, 'nightly/journal.jsonl'), 'utf8').trimEnd().split('\n');
  const head = journal.map((line) => hashOf(Buffer.from(line)));
  assert.ok(head.some((hash) => text.includes(`journal:    ${hash}`)), text);
  assert.match(text, /The replica is as it was before this run|the replica is as it was before this run/);
});
