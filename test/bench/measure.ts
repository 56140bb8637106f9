/** Running a command and measuring it from outside: wall time, processor time, and the memory of all its processes. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One run of a command. Seconds and bytes. */
export interface Measured {
  readonly wall: number;
  /** Of the command and all that it waited for. */
  readonly cpu: number;
  /** The most that the command itself had resident, by the kernel's own high-water mark. */
  readonly ownPeak: number;
  /** The most that the command and all below it had resident at once, looked at every 50 ms. */
  readonly treePeak: number;
  readonly stdout: string;
}

export type Environment = Readonly<Record<string, string>>;

/** Runs a command to its end; throws with what it said when its exit code is none of `codes`. */
export async function measure(command: readonly string[], env: Environment = {}, codes: readonly number[] = [0]): Promise<Measured> {
  const timed = `exec 3>&2; TIMEFORMAT='%U %S'; { time "$@" 2>&3; } 2>&4; exit $?`;
  const startedAt = performance.now();
  const child = spawn('bash', ['-c', timed, 'bash', ...command], {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: process.env['HOME'] ?? '/', LC_ALL: 'C', TZ: 'UTC', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'],
  });
  const peaks = { own: 0, tree: 0 };
  const timer = setInterval(() => { look(child.pid ?? 0, peaks); }, 50);
  const texts = [child.stdout, child.stderr, child.stdio[4]].map(async (pipe) => {
    const chunks: Buffer[] = [];
    for await (const chunk of pipe as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  });
  const exited = new Promise<number | null>((resolve) => { child.once('exit', (code) => { resolve(code); }); });
  const code = await exited;
  const wall = (performance.now() - startedAt) / 1000;
  clearInterval(timer);
  const [stdout = '', stderr = '', times = ''] = await Promise.all(texts);
  if (code === null || !codes.includes(code)) throw new Error(`${command.join(' ')}: exit ${code}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
  const cpu = times.trim().split(' ').reduce((sum, seconds) => sum + Number(seconds), 0);
  return { wall, cpu, ownPeak: peaks.own, treePeak: peaks.tree, stdout };
}

/** The command is the only child of the shell that times it. */
function look(shell: number, peaks: { own: number; tree: number }): void {
  const [command] = childrenOf(shell);
  if (command === undefined) return;
  peaks.own = Math.max(peaks.own, kibibytes(command, 'VmHWM') * 1024);
  const all = [command];
  for (const pid of all) all.push(...childrenOf(pid));
  peaks.tree = Math.max(peaks.tree, all.reduce((sum, pid) => sum + kibibytes(pid, 'VmRSS'), 0) * 1024);
}

function childrenOf(pid: number): number[] {
  return ofProcess(`${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function kibibytes(pid: number, what: string): number {
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(ofProcess(`${pid}/status`))?.[1] ?? 0);
}

/** '' where the process has ended. */
function ofProcess(file: string): string {
  try {
    return readFileSync(`/proc/${file}`, 'latin1');
  } catch {
    return '';
  }
}

/** Minimum, median and maximum. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (place: number): number => sorted[Math.floor(place * (sorted.length - 1))] ?? NaN;
  return { min: at(0), median: at(0.5), max: at(1) };
}
