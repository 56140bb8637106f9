/** Running programs: argument arrays, an environment built from nothing, and never a process left behind. */
import { execa } from 'execa';
import type { ChildProcess } from 'node:child_process';
import { constants, realpathSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { Failure } from '../errors.ts';
import type { Owner } from '../state/become.ts';
import { isFileFor } from '../state/files.ts';
import { asUser } from './as-user.ts';
import { hear, type Report } from './report-file.ts';
import { survivorsOf } from './survivors.ts';
import { Watchdog, type Bounds, type StopReason } from './watchdog.ts';
import { Ending, killGroup } from './ending.ts';

/** A program to run; built as data, shown by `--verbose`, run here. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it starts; by default where we are, which the user that we are may not be allowed to read. */
  readonly cwd?: '/';
  /** What the kernel lets it and its children take; by default whatever we may take ourselves. */
  readonly limits?: Limits;
  /** Open descriptors that it gets as 3 (to read) and 4 (to write). */
  readonly channel?: { readonly from: number; readonly to: number };
  /** Open folders that it gets from 5 on. Never for a program in a room. */
  readonly held?: readonly { readonly descriptor: number }[];
  /**
   * What the kernel sends it when we end, in whatever way (prctl(2), PR_SET_PDEATHSIG); by default KILL, which nothing can
   * ignore. `itself`: it needs nobody for that: bubblewrap asks the kernel for KILL itself, and who does nothing but write to us
   * ends when nobody reads.
   */
  readonly atOurEnd?: 'KILL' | 'TERM' | 'itself';
  /** Who it is to be, where root starts it. */
  readonly as?: Owner | undefined;
  /** What it reads on its stdin, which is otherwise empty. */
  readonly input?: string;
  /** Where its stdout goes in place of a pipe: what is much, to whoever may be slow, without us; or a file that is read as it grows. */
  readonly stdout?: 'ours' | Report | undefined;
}

/** The descriptor of the first of `held`. */
export const firstHeld = 5;

/** Bytes (prlimit(1)): address space of a process, and the size of any file that it writes. */
export interface Limits {
  readonly memory: number;
  readonly fileSize: number;
}

/** How a program ended. */
export interface Ended {
  /** Its exit code; undefined when a signal ended it or it could not be started. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** The first 64 KiB that it wrote to stderr; the rest was read and dropped, because an unread pipe hangs the writer. */
  readonly stderr: string;
  /** Set when we ended it ourselves. */
  readonly stopped: StopReason | undefined;
}

/** Where to find programs when our own environment does not say. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const stderrKept = 64 * 1024;
/** How long we listen for what is still to come on stderr once a program has ended, in milliseconds. */
const lastWords = 500;

/** The environment for programs that talk to serverA: a stray RSYNC_OLD_ARGS, RSYNC_RSH or ~/.popt weakens rsync. */
export function bareEnvironment(home: string): Record<string, string> {
  return { LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH'] ?? defaultPath, HOME: home };
}

/**
 * Runs a program in a process group of its own and feeds its output to `onStdout` and `onStderr`. Whatever they throw
 * stops the program and comes through. When this returns, the whole group has ended; the kernel ends the program when we
 * are killed ourselves.
 */
export async function run(
  command: Command,
  bounds: Bounds,
  onStdout: (chunk: Buffer) => void,
  onStderr: (chunk: Buffer) => void = () => undefined,
): Promise<Ended> {
  const child = start(command);
  let thrown: { error: unknown } | undefined;
  const ending = new Ending(child.pid, bounds);
  const watchdog = new Watchdog(bounds, (reason) => ending.stop(reason));
  const feed =
    (reader: (chunk: Buffer) => void) =>
    (chunk: Buffer): void => {
      if (ending.stopped !== undefined) return;
      try {
        reader(chunk);
      } catch (error) {
        thrown = { error };
        ending.stop('refused');
      }
    };
  const report = hear(command.stdout, child.stdout, feed(onStdout), () => watchdog.progress());
  child.stderr.on('data', feed(onStderr));
  const stderr = collect(child.stderr);
  child.once('exit', () => endAfter(child));
  const result = await Promise.race([child, ending.givenUp]);
  watchdog.end();
  if (result !== undefined) killGroup(child.pid, 'SIGKILL');
  if (result === undefined || !(await ending.isOver())) throw unending(child, command.file, ending.family);
  await report?.end();
  if (thrown !== undefined) throw thrown.error;
  const { exitCode: code, signal } = result;
  return { code, signal, stderr: withReason(stderr(), result), stopped: ending.stopped };
}

/** When a program has ended, nothing that it started lives on, and its last words are not waited for long. */
function endAfter(child: { readonly pid?: number | undefined; readonly stderr: { destroy(): unknown } }): void {
  killGroup(child.pid, 'SIGKILL');
  hearOut(child.stderr);
}

/** ssh's master holds rsync's stderr for as long as the command on serverA runs, and serverA may let it run for ever. */
function hearOut(stderr: { destroy(): unknown }): void {
  afterLastWords(() => {
    stderr.destroy();
  });
}

/**
 * KILL ends everything but a process that waits inside the kernel, for a mount that does not answer, say. Nobody waits for
 * that one; `family`: who it may be.
 */
export function unending(child: Unending, file: string, family: readonly number[] = []): Failure {
  for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
  child.unref();
  const { pid, name } = survivorsOf(family).at(-1) ?? { pid: child.pid ?? 0, name: file };
  return new Failure(
    `${name} (process ${pid}) does not end, not even by KILL`,
    `it waits for a disk or a mount that does not answer: see \`cat /proc/${pid}/stack\` and \`dmesg\`; nothing was admitted`,
  );
}

type Unending = Pick<ChildProcess, 'stdout' | 'stderr' | 'unref'> & { pid?: number | undefined };

/** Starts a program as `run` does, without waiting for it. Its pipes must be read. */
export function start(command: Command) {
  const [file = '', ...args] = [
    ...asUser(command.as),
    ...endedWithUs(command),
    ...limited(command.limits),
    command.file,
    ...command.args,
  ];
  return execa(file, args, {
    env: command.env,
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    extendEnv: false,
    ...(command.input === undefined ? {} : { input: command.input }),
    stdio: [command.input === undefined ? 'ignore' : 'pipe', stdoutOf(command), 'pipe', ...descriptors(command)],
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    encoding: 'buffer',
  });
}

/**
 * The command with a shell around it that ends its whole group when we end: for programs that would leave behind what they
 * have started. A room and a sandbox take everything with them by themselves. `mount`: one that the program serves.
 */
export function keptTogether(command: Command, mount = ''): Command {
  return { ...command, file: 'sh', args: ['-c', keeper, 'sh', mount, command.file, ...command.args], atOurEnd: 'TERM' };
}

const keeper = `
mount=$1; shift
trap 'exec 2>/dev/null; kill -KILL "$program"; [ -z "$mount" ] || fusermount3 -u -z "$mount"; kill -KILL 0' TERM
"$@" & program=$!
exec 3<&- 4>&-
wait "$program"`;

/** Whoever names another place has no stream to read; everybody else has one. */
function stdoutOf({ stdout }: Command): 'pipe' {
  return (stdout === undefined ? 'pipe' : stdout === 'ours' ? 'inherit' : stdout.file.descriptor) as 'pipe';
}

/** execa takes any descriptor; its types know a few. */
function descriptors({ channel, held = [] }: Command): 3[] {
  const ends = channel === undefined ? [] : [channel.from, channel.to];
  const unused = held.length === 0 || channel !== undefined ? [] : ['ignore', 'ignore'];
  return [...unused, ...ends, ...held.map(({ descriptor }) => descriptor)] as 3[];
}

function endedWithUs({ atOurEnd = 'KILL' }: Command): string[] {
  return atOurEnd === 'itself' ? [] : ['setpriv', '--pdeathsig', atOurEnd, '--'];
}

function limited(limits: Limits | undefined): string[] {
  return limits === undefined
    ? []
    : ['prlimit', '--core=0', `--as=${limits.memory}`, `--fsize=${limits.fileSize}`, '--'];
}

/** Collects the beginning of a stream; the returned function gives what has come so far. */
export function collect(stream: NodeJS.ReadableStream, onChunk: () => void = () => undefined): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    onChunk();
    if (text.length < stderrKept) text += chunk.toString('latin1').slice(0, stderrKept - text.length);
  });
  return () => text;
}

/** Ends the listening; on a busy machine we may be late ourselves, so what lies in the pipes is read first (setImmediate comes after that). */
export function afterLastWords(end: () => void): void {
  setTimeout(() => {
    setImmediate(end);
  }, lastWords).unref();
}

/** A program that could not be started has no stderr of its own; the reason takes its place. */
function withReason(
  stderr: string,
  result: { code?: string | undefined; originalMessage?: string | undefined },
): string {
  return stderr === '' && result.code !== undefined ? (result.originalMessage ?? result.code) : stderr;
}

/** A program's absolute path, as the shell would find it. Throws Failure, with the package to install, when there is none. */
export function findProgram(name: string, debianPackage: string): string {
  const folders = (process.env['PATH'] ?? defaultPath).split(delimiter);
  const places = name.includes('/') ? [resolve(name)] : folders.map((folder) => join(folder, name));
  const found = places.find((path) => isFileFor(path, constants.X_OK));
  if (found !== undefined) return found;
  throw new Failure(
    `${name} is not installed on this machine`,
    `install it (apt-get install ${debianPackage}), or correct its path in the configuration. Nothing was fetched`,
  );
}

/** Where Perl itself lies: rsync's room has the folders of the system, not every folder that PATH names. */
export function findPerl(): string {
  return realpathSync(findProgram('perl', 'perl-base'));
}
