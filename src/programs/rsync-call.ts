/** Starting rsync: in its room where there is one; for an ssh source with the ends of a channel, which are all that it gets. */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Repository } from '../config/config.ts';
import type { Failure } from '../errors.ts';
import type { Owner } from '../state/become.ts';
import { inRoom, type Room } from './room.ts';
import { askedIn, helper } from './channel-ends.ts';
import { sshFailed, type Channel, type Channels, type Ends } from './channel.ts';
import type { Report } from './report-file.ts';
import type { HeldFolder } from './held-folder.ts';
import {
  bareEnvironment,
  findPerl,
  findProgram,
  firstHeld,
  keptTogether,
  run,
  type Command,
  type Ended,
  type Limits,
} from './process.ts';
import { remoteCommand, type Wish } from './remote-command.ts';
import type { Connection } from './ssh.ts';
import { Watchdog, type Bounds } from './watchdog.ts';

/** What is needed to run rsync for one repository in one run. */
export interface RsyncContext {
  readonly repository: Repository;
  readonly connection: Connection;
  /** Private; holds the empty HOME. */
  readonly runFolder: string;
  /** Whether rsync runs in a bubblewrap room. */
  readonly hasRoom: boolean;
  /** At least 64 random bits, so that serverA's text cannot pass for our client's. */
  readonly nonce: string;
  readonly calls: Calls;
  /** Source (where it is a folder here) and replica, as the run found them. */
  readonly held: readonly HeldFolder[];
  /** Who rsync is, where root starts it; by default who we are. */
  readonly as?: Owner | undefined;
  /** Why one of them is no longer what it was; undefined while they stand. */
  fallen(): Promise<Failure | undefined>;
}

/** What rsync would ask serverA for, by what it depends on: learned once for each program and kind of call. */
export interface Calls {
  recall(call: string): readonly string[] | undefined;
  keep(call: string, asks: readonly string[]): Promise<void>;
}

/** For who has no state yet (init), or asks but once (doctor). */
export function callsOfOneRun(): Calls {
  const calls = new Map<string, readonly string[]>();
  return {
    recall: (call) => calls.get(call),
    keep: async (call, asks) => {
      calls.set(call, asks);
    },
  };
}

/** One start of rsync. `-e` is not among the arguments. */
export interface Call {
  readonly args: readonly string[];
  readonly room: Room;
  readonly limits: Limits;
  /** What takes its stdout; by default a pipe. */
  readonly report?: Report;
  /** What is asked of serverA; by default the source. */
  readonly wish?: Wish;
}

/** Runs rsync to its end; what serverA's side said and how it ended is in what is returned, as if rsync had started it itself. */
export async function runRsync(
  context: RsyncContext,
  call: Call,
  bounds: Bounds,
  onStdout: (chunk: Buffer) => void,
): Promise<Ended> {
  const { channels } = context.connection;
  return channels === undefined
    ? run(commandOf(context, call), bounds, onStdout)
    : runOver(channels, context, call, bounds, onStdout);
}

async function runOver(
  channels: Channels,
  context: RsyncContext,
  call: Call,
  bounds: Bounds,
  onStdout: (chunk: Buffer) => void,
): Promise<Ended> {
  const perl = findPerl();
  const asked = await learn(context, call, perl, bounds);
  if ('code' in asked) return asked;
  const once = async (): Promise<{ ended: Ended; isRefused: boolean }> => {
    const channel = channels.take(asked.command);
    const nothing = randomBytes(12).toString('hex');
    try {
      const running = run(
        commandOf(context, call, (held) => helper(perl, asked.words, { held, nothing }), channel.ends),
        bounds,
        onStdout,
      );
      channel.handedOver();
      const own = await running;
      const hasCome = !own.stderr.includes(nothing);
      const ended = await joined({ ...own, stderr: own.stderr.replace(`${nothing}\n`, '') }, channel, bounds);
      return { ended, isRefused: !hasCome && ended.code === sshFailed && ended.stopped === undefined };
    } finally {
      await channel.close();
    }
  };
  let tried = await once();
  // Perhaps serverA granted one channel alone, and one that was opened before its turn had it. A pass of which a byte came has no second try here.
  if (tried.isRefused) await channels.oneAtATime();
  for (const pause of pauses) {
    if (!tried.isRefused || (!channels.stands && !bounds.interrupt.aborted)) break;
    await wait(pause, undefined, { signal: bounds.interrupt }).catch(() => undefined); // told to stop: at once
    if (bounds.interrupt.aborted) return { ...tried.ended, stopped: 'interrupt' };
    tried = await once();
  }
  return tried.ended;
}

/** A busy serverA takes a while to see that a channel was closed, and refuses the next one until then; in milliseconds. */
const pauses = [50, 100, 200, 400, 800, 1600, 3200];

/** Calls that will come, in this order: what they ask serverA for is learned, and started there side by side. They need not be exact, only of the same kind. */
export async function expectCalls(context: RsyncContext, calls: readonly Call[], bounds: Bounds): Promise<void> {
  const { channels } = context.connection;
  if (channels === undefined) return;
  const perl = findPerl();
  const commands: string[] = [];
  for (const call of calls) {
    const asked = await learn(context, call, perl, bounds);
    if ('code' in asked) return; // its own turn will tell
    commands.push(asked.command);
  }
  channels.expect(commands, bounds.stall / 2);
}

/**
 * rsync's command line, in its room where there is one; without one it reads held folders by their descriptors. `shell`: its
 * `-e`, which looks at the folders that are held. Throws Failure when rsync is not installed.
 */
function commandOf(
  context: RsyncContext,
  { args, room, limits, report }: Call,
  shell?: (held: readonly HeldFolder[]) => string,
  channel?: Ends,
): Command {
  const { repository, connection, runFolder, hasRoom } = context;
  const home = join(runFolder, 'home');
  const file = findProgram(repository.rsync.path, 'rsync');
  const readable = [...room.readable, ...connection.readable, home, file];
  const held = context.held.filter(({ path }) => readable.includes(path));
  const road = shell === undefined ? [] : ['-e', shell(hasRoom ? held : [])];
  const bare = {
    file,
    as: context.as,
    args: [...road, ...args],
    env: bareEnvironment(home),
    limits,
    stdout: report,
    ...(channel === undefined ? {} : { channel }),
  };
  return hasRoom
    ? inRoom(bare, { ...room, readable, held: shell === undefined ? held : [] })
    : keptTogether({ ...bare, held, args: bare.args.map((arg) => byDescriptor(arg, held)) });
}

/** A folder among rsync's arguments by the descriptor that it will have it by. */
function byDescriptor(arg: string, held: readonly HeldFolder[]): string {
  const n = held.findIndex(({ path }) => arg === `${path}/`);
  return n === -1 ? arg : `/proc/self/fd/${firstHeld + n}/`;
}

/** What rsync asks serverA for: word for word, and as the command that serverA gets. */
interface Asked {
  readonly words: readonly string[];
  readonly command: string;
}

/**
 * What rsync would ask serverA for, told by rsync itself, in a room like the real one and before there is a channel. When it
 * does not come so far: how it ended. Throws Failure when it is not what it must be.
 */
async function learn(context: RsyncContext, call: Call, perl: string, bounds: Bounds): Promise<Asked | Ended> {
  const { repository, connection } = context;
  const checked = (words: readonly string[]): Asked => ({
    words,
    command: remoteCommand(words, repository, call.args, call.wish ?? { path: sourcePath(connection.source) }),
  });
  const key = dependsOn(findProgram(repository.rsync.path, 'rsync'), call.args);
  const known = context.calls.recall(key);
  if (known !== undefined) return checked(known);
  const { readable, writable } = call.room;
  const dry = { args: call.args, limits: call.limits, room: { readable: [...readable, ...writable], writable: [] } };
  const ended = await run(
    commandOf(context, dry, () => helper(perl)),
    bounds,
    () => undefined,
  );
  const words = askedIn(ended.stderr);
  if (words === undefined) return { ...ended, code: ended.code === 0 ? undefined : ended.code };
  const asked = checked(words);
  await context.calls.keep(key, words);
  return asked;
}

/** The rsync, and those of its arguments that can be seen in what it asks for: no filters, no paths of this machine. */
function dependsOn(program: string, args: readonly string[]): string {
  const { size, mtimeMs } = statSync(program);
  const seen = args
    .filter((arg) => !/^(\/|--(exclude|include|filter)=)/.test(arg))
    .map((arg) => arg.replace(/^(--(?:out-format|files-from|max-size))=.*/s, '$1'));
  return JSON.stringify([program, size, mtimeMs, ...seen]);
}

/** The path in `user@host:path`; a host in brackets has colons of its own. */
export function sourcePath(source: string): string {
  return source.replace(/^(?:[^@[]*@)?(?:\[[^\]]*\]|[^:]*):/, '');
}

/** How long a channel may still take to end when rsync has failed, in milliseconds. */
const patience = 3000;

/** As rsync would have ended with an `-e` of its own: with the larger of both exit codes, and what either side wrote. */
async function joined(ended: Ended, channel: Channel, bounds: Bounds): Promise<Ended> {
  const hasFailed = ended.stopped !== undefined || ended.code !== 0;
  let stopped = ended.stopped;
  const watchdog = new Watchdog(hasFailed ? { ...bounds, stall: patience } : bounds, (reason) => {
    if (!hasFailed) stopped = reason;
    void channel.close();
  });
  const code = await channel.end;
  watchdog.end();
  const stderr = [ended.stderr, channel.stderr].filter((text) => text !== '').join('\n');
  return { ...ended, stderr, stopped, code: ended.code === undefined ? undefined : Math.max(ended.code, code ?? 0) };
}
