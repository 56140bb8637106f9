import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import type { ConsoleOptions } from '../../src/telling/console.ts';

const from = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** What a console with these options prints when `script` uses it, in a process of its own. */
function printed(script: string, options: Partial<ConsoleOptions> = {}): { stdout: string; stderr: string } {
  const whole: ConsoleOptions = { json: false, quiet: false, verbose: false, color: true, ...options };
  const code = `
    import { Console } from ${from('telling/console.ts')};
    import { Failure } from ${from('errors.ts')};
    const console = new Console(${JSON.stringify(whole)});
    ${script}
  `;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { stdout, stderr };
}

describe('what goes where', () => {
  const everything = "console.say('said'); console.mention('mentioned', 'good'); console.detail('detail'); console.document('{}');";
  const rows: readonly (readonly [options: Partial<ConsoleOptions>, stdout: string, stderr: string])[] = [
    [{}, 'said\nmentioned\n{}\n', ''],
    [{ quiet: true }, 'said\n{}\n', ''],
    [{ verbose: true }, 'said\nmentioned\n{}\n', 'detail\n'],
    [{ json: true }, '{}\n', ''],
    [{ json: true, quiet: true, verbose: true }, '{}\n', 'detail\n'],
  ];
  for (const [options, stdout, stderr] of rows) test(JSON.stringify(options), () => { assert.deepEqual(printed(everything, options), { stdout, stderr }); });
});

describe('an error', () => {
  test('its message and its hint, on stderr, whatever the options', () => {
    for (const options of [{}, { quiet: true }, { json: true }]) {
      assert.deepEqual(printed("console.error(new Failure('it broke', 'mend it'));", options), { stdout: '', stderr: 'error: it broke\nhint: mend it\n' });
    }
  });

  test('a message of several lines keeps them, and their indentation', () => {
    assert.equal(printed("console.error(new Failure('one\\n  two', ''));").stderr, 'error: one\n  two\n');
  });

  for (const verbose of [false, true]) {
    test(`what serverA chose reaches no terminal${verbose ? ', with --verbose neither' : ''}`, () => {
      const evil = String.raw`'lstat "\x1b[31m\x07\x9b\xff\u202e\r"'`;
      const { stderr } = printed(`console.error(new Failure(${evil}, ${evil} + ' copy /srv/Ä', { cause: new Error(${evil}) }));`, { verbose });
      assert.match(stderr, /^[\n -~ÿÄ]+$/);
      const shown = String.raw`error: lstat "\#033[31m\#007\#302\#233\#303\#277\#342\#200\#256\#015"`;
      const hinted = String.raw`hint: lstat "\#033[31m\#007\#302\#233ÿ\#342\#200\#256\#015" copy /srv/Ä`;
      assert.ok(stderr.startsWith(`${shown}\n${hinted}\n`), stderr);
      assert.equal(stderr.includes('    at '), verbose, 'where it came from is for --verbose');
    });
  }

  test('what is said is harmless too, whoever chose its words, and keeps its letters', () => {
    const evil = String.raw`'\x1b[31m\x9b\u202e\r Ä'`;
    const { stdout, stderr } = printed(`console.say(${evil}); console.mention(${evil}, 'bad'); console.detail(${evil});`, { verbose: true });
    const shown = String.raw`\#033[31m\#302\#233\#342\#200\#256\#015 Ä`;
    assert.deepEqual({ stdout, stderr }, { stdout: `${shown}\n${shown}\n`, stderr: `${shown}\n` });
  });

  test('a document is the same to a program, and harmless on a terminal', () => {
    const evil = String.raw`'\x1b[31m\x7f\x9b\u202e\u2028Ä'`;
    const { stdout } = printed(`console.document(JSON.stringify({ evil: ${evil} }, null, 2));`, { json: true });
    assert.match(stdout, /^[\n -~Ä]+$/);
    assert.deepEqual(JSON.parse(stdout), { evil: '\x1b[31m\x7f\x9b\u202e\u2028Ä' });
  });

  test('a path that is escaped already is not escaped again', () => {
    assert.equal(printed(String.raw`console.error(new Failure('x\\#033', ''));`).stderr, 'error: x\\#033\n');
  });
});
