/** Running a command and measuring it from outside: wall time, processor time, and the memory of all its processes. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One run of a command. Seconds and bytes. */
export interface Measured {
  readonly wall: number;
  /** Of the command and all that it started, waited for or not: bubblewrap does not wait for what runs in its room. */
  readonly cpu: number;
  /** The most that the command itself had resident, by the kernel's own high-water mark. */
  readonly ownPeak: number;
  /** The most that the command and all below it had resident at once, looked at every 50 ms. */
  readonly treePeak: number;
  readonly stdout: string;
}

export type Environment = Readonly<Record<string, string>>;

/** 36: PR_SET_CHILD_SUBREAPER, so that nobody's child is left to init (prctl(2)); the number of prctl, which Perl does not know. */
const prctl: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 157, arm64: 167 };

/** Says how long the command took, and the processor time of all that it left behind when that has ended, too. Arguments: the number of prctl, the command. */
const timer = `
use Time::HiRes "time";
my $prctl = shift;
syscall 0 + $prctl, 36, 1, 0, 0, 0 if $prctl;
my $from = time;
my $command = fork // die;
unless ($command) { exec { $ARGV[0] } @ARGV or exit 127 }
waitpid $command, 0;
my ($wall, $code) = (time - $from, $? & 127 ? 128 + ($? & 127) : $? >> 8);
1 while wait != -1;
open my $told, ">&=", 3;
printf $told "%f %f %f", $wall, (times)[2, 3];
exit $code`;

/** Runs a command to its end; throws with what it said when its exit code is none of `codes`. */
export async function measure(command: readonly string[], env: Environment = {}, codes: readonly number[] = [0]): Promise<Measured> {
  const child = spawn('perl', ['-e', timer, String(prctl[process.arch] ?? 0), ...command], {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: process.env['HOME'] ?? '/', LC_ALL: 'C', TZ: 'UTC', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const peaks = { own: 0, tree: 0 };
  const looks = setInterval(() => { look(child.pid ?? 0, peaks); }, 50);
  const texts = [child.stdout, child.stderr, child.stdio[3]].map(async (pipe) => {
    const chunks: Buffer[] = [];
    for await (const chunk of pipe as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  });
  const exited = new Promise<number | null>((resolve) => { child.once('exit', (code) => { resolve(code); }); });
  const code = await exited;
  clearInterval(looks);
  const [stdout = '', stderr = '', times = ''] = await Promise.all(texts);
  if (code === null || !codes.includes(code)) throw new Error(`${command.join(' ')}: exit ${code}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
  const [wall = NaN, user = NaN, system = NaN] = times.split(' ').map(Number);
  const cpu = user + system;
  return { wall, cpu, ownPeak: peaks.own, treePeak: peaks.tree, stdout };
}

/** The command is the first child of the Perl that times it. */
function look(perl: number, peaks: { own: number; tree: number }): void {
  const [command] = childrenOf(perl);
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
