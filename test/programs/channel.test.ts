/** Channels that are opened before their turn; a shell stands for ssh and serverA. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { helper } from '../../src/programs/channel-ends.ts';
import { Channels } from '../../src/programs/channel.ts';
import { hold, letGo, otherThanHeld, type HeldFolder } from '../../src/programs/held-folder.ts';
import { allEnded } from '../support/processes.ts';
import { onUnknownProcessor } from '../support/processor.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { watchFor } from '../support/watch.ts';

interface Stage {
  readonly channels: Channels;
  /** Notes its process and stays until it is left alone. */
  readonly stays: string;
  /** As ssh ends when sshd grants no session. */
  readonly refused: string;
  /** Ends by itself, before anybody speaks to it. */
  readonly ends: string;
  /** The processes that have begun, once there are so many of them. */
  readonly begun: (count: number) => Promise<number[]>;
  /** How many ends of channels this process has open. */
  readonly pipes: () => number;
}

function stage(t: TestContext): Stage {
  const folder = temporaryFolder(t);
  const log = join(folder, 'log');
  const lines = (): number[] => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1).map(Number) : []);
  const channels = new Channels(['sh', '-c'], { PATH: process.env['PATH'] ?? '' }, folder);
  t.after(async () => { await channels.oneAtATime(); });
  return {
    channels, stays: `echo $$ >> ${log}; exec cat`, refused: `echo $$ >> ${log}; exit 255`, ends: `echo $$ >> ${log}`,
    begun: async (count) => {
      await watchFor(folder, () => lines().length >= count);
      return lines();
    },
    pipes: () => readdirSync('/proc/self/fd').filter((name) => readTarget(name).startsWith(join(folder, 'pipe-'))).length,
  };
}

/** What a descriptor of this process leads to; '' when it has been closed meanwhile. */
function readTarget(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

const long = 1e6;

/** Resolves when this process has noticed the end of its child: the kernel keeps it until then. */
async function noticed(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await pause(5);
}

test('what is expected is opened at once, and each has its turn in that order', async (t) => {
  const { channels, stays, begun } = stage(t);
  channels.expect([stays, stays, 'exit 0'], long);
  const before = await begun(2);
  const [first, second] = [channels.take(stays), channels.take(stays)];
  assert.ok(first !== second && first.isOpen && second.isOpen);
  await Promise.all([first.close(), second.close()]);
  assert.deepEqual(await begun(2), before);
});

test('one that was refused is opened at its turn', async (t) => {
  const { channels, refused, begun } = stage(t);
  channels.expect([refused], long);
  const [first = 0] = await begun(1);
  await noticed(first);
  const channel = channels.take(refused);
  assert.equal(await channel.end, 255);
  assert.equal((await begun(2)).length, 2);
  await channel.close();
});

test('one that has waited for too long is closed, and opened anew at its turn', async (t) => {
  const { channels, stays, begun } = stage(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  channels.expect([stays], long);
  const [first = 0] = await begun(1);
  t.mock.timers.tick(long);
  t.mock.timers.reset();
  await noticed(first);
  const channel = channels.take(stays);
  const [, second] = await begun(2);
  assert.notEqual(first, second);
  await channel.close();
});

test('one that is being closed, because it waited for too long, is not handed out any more: its ends may be those of another file by now', async (t) => {
  const { channels, stays, begun } = stage(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  channels.expect([stays], long);
  t.mock.timers.tick(long);
  const channel = channels.take(stays);
  t.mock.timers.reset();
  assert.ok(channel.isOpen);
  fstatSync(channel.ends.from);
  await begun(1);
  await channel.close();
});

test('one that ends before its turn is opened anew at it, and none of its ends stays open', async (t) => {
  const { channels, ends, begun, pipes } = stage(t);
  channels.expect([ends], long);
  const [first = 0] = await begun(1);
  await noticed(first);
  const channel = channels.take(ends);
  assert.equal((await begun(2)).length, 2);
  await channel.close();
  assert.equal(pipes(), 0);
});

test('without expectations, and after one at a time was asked for, nothing is opened before its turn', async (t) => {
  const { channels, stays, begun } = stage(t);
  await channels.oneAtATime();
  channels.expect([stays], long);
  const channel = channels.take(stays);
  await begun(1);
  await channel.close();
});

test('one at a time closes all that waits', async (t) => {
  const { channels, stays, begun } = stage(t);
  channels.expect([stays, stays], long);
  const waiting = await begun(2);
  await channels.oneAtATime();
  await allEnded(waiting);
});

test('when rsync has ended first, its own exit code counts: its helper has none to add', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'said'), Buffer.alloc(2 ** 20)); // more than a pipe holds
  const joined = `${helper('perl', ['host', 'rsync'])} host rsync 3<${folder}/said 4>/dev/null`;
  spawnSync('sh', ['-c', `trap '' PIPE; { ${joined}; echo $? > ${folder}/code; } | true`], { stdio: 'ignore' });
  assert.equal(readFileSync(join(folder, 'code'), 'utf8'), '0\n');
});

test('what comes is handed on, also on a processor whose system calls have numbers that nobody wrote down', (t) => {
  const folder = temporaryFolder(t);
  const said = Buffer.alloc(2 ** 17, 'what serverA says ');
  writeFileSync(join(folder, 'said'), said);
  const heard = (): Buffer => execFileSync('sh', ['-c', `exec ${helper('perl', ['host', 'rsync'])} host rsync 3<${folder}/said 4>/dev/null`], { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.deepEqual(heard(), said);
  onUnknownProcessor(t);
  assert.deepEqual(heard(), said);
});

test('what rsync says goes on 64 KiB ahead of the answers, or after a silence without them; all of it comes', async (t) => {
  const folder = temporaryFolder(t);
  const [said, limit] = [Buffer.alloc(2 ** 20, 'names '), 2 ** 16 + 2 ** 15];
  writeFileSync(join(folder, 'said'), said);
  execFileSync('mkfifo', [join(folder, 'answers')]);
  const told = (): number => statSync(join(folder, 'told'), { throwIfNoEntry: false })?.size ?? 0;
  for (const silence of [long, 0.001]) {
    rmSync(join(folder, 'told'), { force: true });
    const joined = `exec ${helper('perl', ['host', 'rsync'], { silence })} host rsync 3<answers 4>told <said >/dev/null`;
    const ended = once(spawn('sh', ['-c', joined], { cwd: folder }), 'exit');
    const answers = openSync(join(folder, 'answers'), 'w');
    await watchFor(folder, () => told() >= (silence === long ? limit : said.length));
    for (let most = limit; silence === long && most <= said.length; most += 2 ** 15) {
      await watchFor(folder, () => told() >= most);
      assert.equal(told(), most, 'no more than the answers allow');
      writeSync(answers, Buffer.alloc(2 ** 15));
    }
    closeSync(answers);
    await ended;
  }
});

test('a channel that gives nothing is told by a word that serverA cannot know, one that gives a byte is not', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'byte'), 'x');
  const said = (channel: string): string =>
    spawnSync('sh', ['-c', `exec ${helper('perl', ['host', 'rsync'], { nothing: 'word' })} host rsync 3<${channel} 4>/dev/null`], { stdio: ['ignore', 'ignore', 'pipe'] }).stderr.toString();
  assert.deepEqual([said('/dev/null'), said(join(folder, 'byte'))], ['word\n', '']);
});

test('no channel is joined where a folder in the room is another one than the one that is held outside', (t) => {
  const folder = hold(temporaryFolder(t, "rsync's folder "));
  const other = { ...hold('/'), path: folder.path };
  const joined = (held: readonly HeldFolder[]) => {
    const { status, stderr } = spawnSync('sh', ['-c', `exec ${helper('perl', ['host', 'rsync'], { held, nothing: 'word' })} host rsync 3</dev/null 4>/dev/null`], { stdio: ['ignore', 'ignore', 'pipe'] });
    return { status, other: otherThanHeld([folder, other], stderr.toString()), hasRead: stderr.toString() === 'word\n' };
  };
  assert.deepEqual(joined([folder, folder]), { status: 0, other: undefined, hasRead: true });
  assert.deepEqual(joined([folder, other]), { status: 1, other, hasRead: false });
  for (const held of [folder, other]) letGo(held);
});
