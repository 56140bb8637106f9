/** `help [TOPIC]`: the manual in a terminal. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ratchet } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary.ts';

const manual = resolve('src/manual');
const names = readdirSync(manual).filter((name) => name.endsWith('.md'));
const textOf = (name: string): string => readFileSync(join(manual, name), 'utf8').trimEnd();

test('alone it lists every chapter under a word that prints it', async () => {
  const { code, stdout } = await ratchet(['help']);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: rsync-ratchet /);
  const listed = stdout.split('Chapters of the manual')[1]?.split('\n\n')[0]?.split('\n').slice(1) ?? [];
  assert.deepEqual(listed.map((line) => line.trim().split(' ')[0]?.replace(/\.md$/, '')), names.map((name) => name.replace(/\.md$/, '')));
  for (const line of listed) {
    const [, topic = '', title = ''] = /^ {2}(\S+) +(.*)$/.exec(line) ?? assert.fail(line);
    assert.ok((await ratchet(['help', topic])).stdout.startsWith(`# ${title}\n`), line);
  }
});

for (const name of names) {
  test(`${name}: as it stands, without a control character`, async () => {
    const { code, stdout, stderr } = await ratchet(['help', name]);
    assert.deepEqual([code, stdout, stderr], [0, `${textOf(name)}\n`, '']);
    assert.doesNotMatch(stdout, /[^\P{Cc}\n]/u);
    const { version, topic, text } = (await ratchet(['--json', 'help', name])).json();
    assert.deepEqual([version, `${String(topic)}.md`, text], [1, name, textOf(name)]);
  });
}

test('a command goes before a chapter of its name', async () => {
  for (const name of ['restic', 'scrub']) assert.equal((await ratchet(['help', name])).stdout, (await ratchet([name, '--help'])).stdout);
});

test('a topic that is not there is exit 2, with the nearest', async () => {
  const wrong = [['restor', /there is no topic "restor"\nhint: did you mean restore\? /], ['synk', /did you mean sync\? /], ['../../LICENSE', /hint: rsync-ratchet help lists/], ['constructor', /no topic/], ['\u001b[2J', /no topic "\\#033\[2J"/]] as const;
  for (const [topic, says] of wrong) {
    const { code, stdout, stderr } = await ratchet(['help', topic]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, says);
  }
  assert.equal((await ratchet(['--json', 'help', 'restor'])).json().error.exitCode, 2);
});

test('the built program brings its chapters along: no checkout is asked for them', async (t) => {
  const folder = temporaryFolder(t);
  for (const name of ['main.js', 'whole.js', 'package.json']) copyFileSync(join('dist', name), join(folder, name));
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'main.js'), 'help', 'restore'], { cwd: folder });
  assert.equal(stdout, `${textOf('restore.md')}\n`);
});
