/** What one invocation for one repository came to. `usage` never reaches a run: nothing was tried. */
export type Outcome = 'synced' | 'unchanged' | 'warned' | 'alarm' | 'failed' | 'locked' | 'interrupted';

/** THE TABLE from outcome to exit code (README, "Exit codes"). 75 is EX_TEMPFAIL of sysexits(3). */
export const exitCodes = {
  synced: 0,
  unchanged: 0,
  failed: 1,
  usage: 2,
  alarm: 3,
  warned: 4,
  locked: 75,
  interrupted: 143,
} as const satisfies Record<Outcome | 'usage', number>;

/** What each exit code means, for the end of every `--help`. */
export const exitCodeMeanings: Readonly<Record<number, string>> = {
  0: 'all well',
  1: 'not finished: network, rsync, disk, replica not mounted or initialised',
  2: 'usage or configuration; nothing was tried',
  3: 'alarm: a violation was found; nothing was admitted or removed',
  4: 'done, with warnings',
  75: 'another run holds the lock',
  130: 'interrupted (SIGINT)',
  143: 'interrupted (SIGTERM)',
};

/** Over several repositories the worst counts; interruption goes before everything. */
const worstFirst = [130, 143, 3, 1, 75, 4, 0];

/** The exit code of several runs: the worst of theirs; 0 for none. */
export function worstExitCode(codes: readonly number[]): number {
  return worstFirst.find((code) => codes.includes(code)) ?? 0;
}

/** An expected error: something could not be finished. Exit 1. `hint` says what to do next. */
export class Failure extends Error {
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Failure';
    this.hint = hint;
  }
}

/** The command line or the configuration is wrong; nothing was tried. Exit 2. */
export class UsageError extends Failure {
  override readonly name: string = 'UsageError';
}

/** We were told to stop by a signal. Exit 128 + the signal's number. */
export class Interrupted extends Failure {
  override readonly name: string = 'Interrupted';
  readonly exitCode: 130 | 143;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`, 'nothing unfinished was admitted; the next run goes on from here');
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

/** The exit code that an error stands for: expected ones by their class, everything else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof Interrupted) return error.exitCode;
  return exitCodes.failed;
}

/** Any thrown value as a Failure, so that it can be told to people; what we did not expect says so. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = (cause as NodeJS.ErrnoException).code;
  return new Failure(cause.message, (code && systemHints[code]) ?? 'unexpected: please report this with --verbose', {
    cause,
  });
}

/** What to do about the errors of the operating system that operators meet. */
const systemHints: Readonly<Record<string, string>> = {
  ENOSPC:
    'the disk is full, or has no inodes left for another file: make room (see `df` and `df -i`), then run again; what was verified is kept',
  EDQUOT: 'the disk quota is used up: make room, then run again; what was verified is kept',
  EROFS:
    'the file system is mounted read-only: look at `dmesg`, mount it read-write, or, under systemd, name it in ReadWritePaths=; then run again',
  EACCES: 'permission denied: run as the user who owns the replica and the state folder',
  EPERM: 'not permitted: run as the user who owns the replica and the state folder',
  EIO: 'the disk reports errors: look at `dmesg` and at the disk before anything else',
  ENOENT: 'a file or program is missing: see the path or name above',
  ENOTDIR: 'a file lies where a folder must be: look who put it there, and move it away',
  EISDIR: 'a folder lies where a file must be: look who put it there, and move it away',
  EMFILE: 'too many open files: raise `ulimit -n`',
};
