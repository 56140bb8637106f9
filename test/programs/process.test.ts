import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { bareEnvironment, run, type Command, type Ended } from '../../src/programs/process.ts';
import type { Bounds } from '../../src/programs/watchdog.ts';
import { setVariables } from '../support/environment.ts';
import { allEnded, hasEnded } from '../support/processes.ts';
import { boundsOf } from '../support/rsyncContext.ts';

const shell = (script: string, ...args: readonly string[]): Command =>
  ({ file: 'sh', args: ['-c', script, 'sh', ...args], env: { PATH: process.env['PATH'] ?? '' } });

/** Runs a script; what it printed, and how it ended. */
async function output(script: string, changes: Partial<Bounds> = {}): Promise<Ended & { stdout: string }> {
  const chunks: Buffer[] = [];
  const ended = await run(shell(script), boundsOf(changes), (chunk) => chunks.push(chunk));
  return { ...ended, stdout: Buffer.concat(chunks).toString() };
}

const quiet: Ended = { code: 0, signal: undefined, stderr: '', stopped: undefined };
const ends: readonly (readonly [name: string, script: string, ended: Partial<Ended & { stdout: string }>])[] = [
  ['nothing', ':', { stdout: '' }],
  ['words on both pipes', 'echo out; echo error >&2', { stdout: 'out\n', stderr: 'error\n' }],
  ['an exit code', 'exit 23', { code: 23 }],
  ['a signal', 'kill -KILL $$', { code: undefined, signal: 'SIGKILL' }],
  ['an empty stdin', 'cat; echo read', { stdout: 'read\n' }],
  ['no newline at the end', 'printf x', { stdout: 'x' }],
];

describe('how a program ends', () => {
  for (const [name, script, ended] of ends) test(name, async () => { assert.deepEqual(await output(script), { ...quiet, stdout: '', ...ended }); });

  test('a program that is not there: no code of its own success, and a reason', async () => {
    const ended = await run({ file: '/nonexistent/rsync', args: [], env: { PATH: process.env['PATH'] ?? '' } }, boundsOf(), () => undefined);
    assert.notEqual(ended.code, 0);
    assert.match(ended.stderr, /\/nonexistent\/rsync/);
  });

  test('nothing can be started at all: no code, and the reason', async () => {
    const ended = await run({ file: 'sh', args: [], env: { PATH: '/nonexistent' } }, boundsOf(), () => undefined);
    assert.equal(ended.code, undefined);
    assert.match(ended.stderr, /ENOENT/);
  });

  test('arguments reach it as they are', async () => {
    const words = ['a b', '$(id)', '*', '', '-x', '"\'\\', 'new\nline'];
    const chunks: Buffer[] = [];
    await run(shell('printf "%s\\0" "$@"', ...words), boundsOf(), (chunk) => chunks.push(chunk));
    assert.deepEqual(Buffer.concat(chunks).toString().split('\0').slice(0, -1), words);
  });
});

describe('the environment', () => {
  test('is four variables', (t) => {
    setVariables(t, { RSYNC_RSH: 'x', HOME: '/root' });
    assert.deepEqual(bareEnvironment('/h'), { LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH'], HOME: '/h' });
  });

  test('reaches the program as it is, and nothing besides', async () => {
    const chunks: Buffer[] = [];
    await run({ file: 'env', args: [], env: { PATH: process.env['PATH'] ?? '', ONLY: 'this' } }, boundsOf(), (chunk) => chunks.push(chunk));
    assert.deepEqual(Buffer.concat(chunks).toString().trim().split('\n').sort(), ['ONLY=this', `PATH=${process.env['PATH'] ?? ''}`]);
  });
});

describe('output', () => {
  test('stderr is drained and capped: a flood hangs nobody', async () => {
    const { code, stderr, stdout } = await output('head -c 5000000 /dev/zero | tr "\\0" x >&2; echo done');
    assert.deepEqual([code, stdout, stderr.length], [0, 'done\n', 65_536]);
  });

  test('stdout is not kept: as much as there is goes through', async () => {
    let bytes = 0;
    const ended = await run(shell('head -c 50000000 /dev/zero'), boundsOf(), (chunk) => { bytes += chunk.length; });
    assert.deepEqual([ended.code, bytes], [0, 50_000_000]);
  });

  test('what onStdout throws stops the program and comes through; nothing is told after it', async () => {
    let told = 0;
    let pid = 0;
    await assert.rejects(run(shell('echo $$; while :; do echo more; done'), boundsOf(), (chunk) => {
      told++;
      pid ||= parseInt(chunk.toString(), 10);
      throw new TypeError('no');
    }), { name: 'TypeError', message: 'no' });
    assert.equal(told, 1);
    await allEnded([pid]);
  });
});

describe('limits of the kernel', () => {
  test('reach the program and its children: memory, size of files, no core', async () => {
    const chunks: Buffer[] = [];
    const limits = { memory: 2 ** 28, fileSize: 512 * 1000 };
    await run({ ...shell('sh -c "ulimit -v; ulimit -f; ulimit -c"'), limits }, boundsOf(), (chunk) => chunks.push(chunk));
    assert.equal(Buffer.concat(chunks).toString(), `${2 ** 18}\n1000\n0\n`);
  });

  test('without them it has ours', async () => {
    const { stdout } = await output('ulimit -v; ulimit -f');
    assert.equal(stdout, execFileSync('sh', ['-c', 'ulimit -v; ulimit -f'], { encoding: 'utf8' }));
  });
});

/** Starts a script that prints the pids of all its processes on one line, and stops it then. */
async function stopWhenTold(script: string): Promise<{ ended: Ended; pids: number[] }> {
  const interrupt = new AbortController();
  let printed = '';
  const ended = await run(shell(script), boundsOf({ interrupt: interrupt.signal }), (chunk) => {
    printed += chunk.toString();
    if (printed.includes('\n')) interrupt.abort();
  });
  return { ended, pids: printed.trim().split(' ').map(Number) };
}

describe('nothing is left behind', () => {
  test('the whole group is ended, not only its first', async () => {
    const { ended, pids } = await stopWhenTold('sleep 600 & one=$!; (sleep 600 & wait) & echo $$ $one $!; wait');
    assert.deepEqual([ended.stopped, ended.signal], ['interrupt', 'SIGTERM']);
    assert.equal(pids.length, 3);
    await allEnded(pids);
  });

  test('who ignores TERM gets KILL', async () => {
    const { ended, pids } = await stopWhenTold('trap "" TERM; (while :; do sleep 1; done) & echo $$ $!; while :; do sleep 1; done');
    assert.deepEqual([ended.stopped, ended.signal], ['interrupt', 'SIGKILL']);
    await allEnded(pids);
  });

  test('who is left in the background when the program ends, is ended too', async () => {
    const { code, stdout } = await output('sleep 600 >/dev/null 2>&1 & echo $!');
    assert.equal(code, 0);
    await allEnded([Number(stdout)]);
  });

  test('who keeps the pipe open when the program ends, is ended and not waited for', async () => {
    const { code, stopped, stdout } = await output('sleep 600 & echo $!');
    assert.deepEqual([code, stopped], [0, undefined]);
    await allEnded([Number(stdout)]);
  });

  test('who holds only stderr, as ssh\'s master does for rsync, is not waited for either', async (t) => {
    const { code, stopped, stdout, stderr } = await output('setsid sleep 600 >/dev/null & echo $!; echo last words >&2');
    t.after(() => { process.kill(Number(stdout), 'SIGKILL'); });
    assert.deepEqual([code, stopped, stderr], [0, undefined, 'last words\n']);
  });

  test('the deadline ends a program that is busy printing', async () => {
    const { stopped } = await output('while :; do echo x; done', { deadline: Date.now() + 300 });
    assert.equal(stopped, 'deadline');
  });

  test('an interruption that came before does not let it do its work', async () => {
    const { stopped } = await output('sleep 600', { interrupt: AbortSignal.abort() });
    assert.equal(stopped, 'interrupt');
  });

  test('the program ends when we are killed', async () => {
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', `
      import { run } from ${JSON.stringify(new URL('../../src/programs/process.ts', import.meta.url).href)};
      const bounds = { stall: 600000, deadline: Date.now() + 600000, interrupt: new AbortController().signal };
      await run({ file: 'sh', args: ['-c', 'echo $$; exec sleep 600'], env: { PATH: process.env.PATH } }, bounds, (chunk) => process.stdout.write(chunk));
    `], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(printed.toString());
    assert.equal(hasEnded(pid), false);
    parent.kill('SIGKILL');
    await once(parent, 'close');
    await allEnded([pid]);
  });
});
