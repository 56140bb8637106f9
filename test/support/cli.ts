/** The built program, as a process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './temporary.ts';

/** The program that `npm run build` makes, or another version of it that `RATCHET_PROGRAM` names. */
export const program = process.env['RATCHET_PROGRAM'] ?? fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** How the program is called. */
export interface RatchetOptions {
  /** Put before the arguments as `--config FILE`. */
  readonly config?: string;
  /** Besides PATH, HOME (a temporary folder) and TZ=UTC, which are all that it gets by itself. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Its stdin, which is otherwise empty. */
  readonly input?: string;
  /** Aborted: SIGTERM. */
  readonly signal?: AbortSignal;
  /** ms until SIGKILL and an error; there only so that a broken test ends. */
  readonly timeout?: number;
}

/** How it ended. */
export interface Finished {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as one JSON document; throws with all that was printed where it is none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
  json(): any;
}

/** A program on its way. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly pid: number;
  /** What it printed so far. */
  stdout(): string;
  stderr(): string;
  kill(signal?: NodeJS.Signals): void;
  /** Resolves when it has ended and its pipes are closed, whatever the exit code. */
  readonly finished: Promise<Finished>;
}

/** What `scripts/test` lets node load before the program, so that it is not compiled anew each time. */
const codeCache = process.env['RATCHET_CODE_CACHE'];
const before = codeCache === undefined ? [] : ['--require', codeCache];

let home: string | undefined;

/** Runs the program to its end: `await ratchet(['sync'], { config })`. */
export function ratchet(args: readonly string[], options: RatchetOptions = {}): Promise<Finished> {
  return spawnRatchet(args, options).finished;
}

/** Starts the program, for tests that watch it or end it. */
export function spawnRatchet(args: readonly string[], options: RatchetOptions = {}): Running {
  home ??= temporaryFolder();
  const argv = [...before, program, ...(options.config === undefined ? [] : ['--config', options.config]), ...args];
  const child = spawn(process.execPath, argv, {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home, TZ: 'UTC', ...options.env },
    cwd: options.cwd,
    signal: options.signal,
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(options.input ?? ''); // It need not read it.
  const printed = (): string => `ratchet ${args.join(' ')}\nstdout: ${stdout}\nstderr: ${stderr}`;
  const finished = new Promise<Finished>((resolve, reject) => {
    const timeout = options.timeout ?? 300_000;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`not finished after ${timeout} ms: ${printed()}`));
    }, timeout);
    child.once('error', (error) => {
      if (error.name !== 'AbortError') reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, json: () => parse(stdout, printed) });
    });
  });
  finished.catch(() => undefined); // Who kills it need not ask for its end.
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): void => void child.kill(signal);
  return { child, pid: child.pid ?? -1, stdout: () => stdout, stderr: () => stderr, kill, finished };
}

function parse(text: string, printed: () => string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`no JSON: ${printed()}`, { cause: error });
  }
}
