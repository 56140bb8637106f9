/** The line that says how far something long is: on a real terminal, and nowhere else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Ending, temporaryFolder } from '../support/temporary.ts';

const consoleModule = JSON.stringify(new URL('../../src/telling/console.ts', import.meta.url).href);
const tsx = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;

/** What a terminal of 80 columns gets to see, of work that does 7 of 10 files and takes longer than a second. */
function shown(t: Ending, options = '', environment: NodeJS.ProcessEnv = {}, isTerminal = true): string {
  return printed(t, `
    const console = new Console({ json: false, quiet: false, verbose: false, color: true, ${options} });
    const total = { files: 10, bytes: 10 * 1024 ** 2 };
    await console.withProgress('nightly: scrub', async (progress) => {
      console.say(progress === undefined ? 'no progress' : 'progress');
      for (const until = performance.now() + 1300; progress !== undefined && performance.now() < until;) {
        progress({ files: 7, bytes: 7 * 1024 ** 2 }, total);
        await new Promise(setImmediate);
      }
    });
    console.say('the end');
  `, environment, isTerminal);
}

/** What a terminal gets to see of \`work\`, which tells its \`progress\`. */
function drawn(t: Ending, work: string, options = ''): string {
  return printed(t, `
    const console = new Console({ json: false, quiet: false, verbose: false, color: true, ${options} });
    await console.withProgress('nightly: list', async (progress) => {${work}});
    process.stdout.write('the end\\n');
  `);
}

function printed(t: Ending, words: string, environment: NodeJS.ProcessEnv = {}, isTerminal = true): string {
  const program = join(temporaryFolder(t), 'program.mts');
  writeFileSync(program, `import { Console } from ${consoleModule};\n${words}`);
  const command = `${process.execPath} --import ${tsx} ${program}`;
  const [file, args] = isTerminal ? ['script', ['-qec', command, '/dev/null']] : ['sh', ['-c', command]];
  const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', env: { PATH: process.env['PATH'], TERM: 'xterm', COLUMNS: '80', ...environment } });
  assert.match(stdout, /the end/, stderr);
  return stdout + stderr;
}

test('a terminal shows files and bytes done and to do, and is left clean', (t) => {
  const text = shown(t);
  assert.match(text, /nightly: scrub =+-+ 7\/10 files, 7\.00 MiB of 10\.0 MiB/);
  assert.match(text, /, 0 B\/s/); // the rate counts from the first call on
  const last = text.slice(text.lastIndexOf('nightly: scrub'));
  assert.match(last, /\r?\n?.*the end\s*$/s);
});

test('what has no total yet is shown from its beginning, and the first of many at once', (t) => {
  const text = drawn(t, `
    for (let n = 0; n < 1000; n += 1) progress({ files: 0, bytes: 0 }, { files: 0, bytes: 0 });
    for (let files = 1; files <= 5; files += 1) progress({ files, bytes: 0 }, { files: 0, bytes: 0 });
  `);
  assert.ok(text.split('nightly: list …').length < 100, 'it is not drawn at each call');
  assert.match(text, /nightly: list ….*nightly: list, 1 names so far/s);
});

test('whatever else is said takes the line away first, and two lines are never shown at once', (t) => {
  const text = drawn(t, `
    progress({ files: 1, bytes: 0 }, { files: 2, bytes: 0 });
    console.warn('the disk');
    await console.withProgress('second', async (second) => { console.say(String(second)); });
  `);
  assert.match(text, /1\/2 files(?:\x1b\[\w+)*\x1b\[1G(?:\x1b\[\d*m)*\x1b\[2K.*warning:.* the disk\r\n(?:\x1b\[\w+)*undefined\r\n/s);
});

test('nothing is drawn where nobody looks, under --quiet and --json, and with NO_COLOR', (t) => {
  for (const text of [shown(t, '', {}, false), shown(t, 'quiet: true'), shown(t, 'color: false'), shown(t, '', { NO_COLOR: '1' }), shown(t, '', { TERM: 'dumb' })]) {
    assert.equal(text.replaceAll('\r', ''), 'no progress\nthe end\n');
  }
  assert.match(drawn(t, "process.stdout.write(progress === undefined ? 'no progress' : 'progress');", 'json: true'), /^no progressthe end\s+$/);
});
