/** The dry run of one pass: its arguments (pure) and running it. One of three files that give rsync a destination; it has `--dry-run` (DESIGN section 5). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import type { Pass } from '../layout.ts';
import { commonOptions, dryRunLimits, failureOf, fallenIn } from '../programs/rsync.ts';
import { runRsync, type RsyncContext } from '../programs/rsync-call.ts';
import type { Ended } from '../programs/process.ts';
import type { ReportFile } from '../programs/report-file.ts';
import type { Connection } from '../programs/ssh.ts';
import type { Bounds } from '../programs/watchdog.ts';
import { filtersOf, hideRules } from './filters.ts';
import { auditFormat, Lines, NotUnderstood, lineJudge, type Judge } from './itemize.ts';
import type { FailedPass } from './passes.ts';
import { Failure } from '../errors.ts';
import { formatBytes } from '../figures.ts';

/** What makes it one; `--itemize-changes` twice names unchanged files too. */
const options = ['-rt', '--dry-run', '--delete', '--delete-during', '--itemize-changes', '--itemize-changes'] as const;

/** The dry run of one pass. `hidden`: a file with rules that hide folders. */
export function auditArguments(
  repository: Repository,
  connection: Connection,
  pass: Pass,
  nonce: string,
  replica: string,
  hidden?: string,
): string[] {
  return [
    ...options,
    `--out-format=${auditFormat(nonce)}`,
    ...filtersOf(pass, repository.ignore, hidden),
    ...commonOptions(repository, connection),
    connection.source,
    `${replica}/`,
  ];
}

/** What our rsync prints when serverA could not read something: the dry run fails, for the reason that its stderr gives. */
const ioError = 'IO error encountered -- skipping file deletion';

/** rsync's exit codes when the connection, or the other side, is gone (rsync(1), "EXIT VALUES"; 255 is ssh's). */
const connectionCodes: readonly (number | undefined)[] = [10, 12, 30, 35, 255, undefined];

/** What a dry run may be given besides. */
export interface DryRunOptions {
  /** Folders of serverA that it is not to open. */
  readonly hidden?: readonly string[];
  /** What takes the report; by default a pipe. */
  readonly file?: ReportFile | undefined;
  /** What its lines are judged by is there when this has come to its end; a failure is that of the pass. */
  readonly ready?: Promise<Failure | undefined> | undefined;
}

/**
 * One dry run with the replica as destination; `judge` gets every change. How it failed is a value; what `judge` throws
 * comes through.
 */
export async function dryRun(
  context: RsyncContext,
  pass: Pass,
  destination: string,
  bounds: Bounds,
  judge: Judge,
  { hidden = [], file, ready = Promise.resolve(undefined) }: DryRunOptions = {},
): Promise<FailedPass | undefined> {
  const { repository, connection, nonce } = context;
  const { seen, lines } = reportReader(lineJudge(judge, `${nonce} `));
  const rules = hidden.length === 0 ? undefined : writeRules(context.runFolder, hidden);
  let unready: Failure | undefined;
  const isReady = ready.then((failure) => {
    unready = failure;
  });
  const read = (chunk: Buffer): void => {
    if (unready !== undefined) throw unready;
    lines.push(chunk);
  };
  try {
    if (file === undefined) await isReady;
    const args = auditArguments(repository, connection, pass, nonce, destination, rules);
    const room = { readable: [destination, ...(rules === undefined ? [] : [rules])], writable: [] };
    const output = file === undefined ? {} : { report: { file, ready: isReady } };
    const limits = file === undefined ? dryRunLimits : { ...dryRunLimits, fileSize: file.bound };
    const ended = await runRsync(context, { args, room, limits, ...output }, bounds, read);
    if (unready !== undefined) throw unready;
    const failed = await failedBy(context, ended, bounds, seen, file);
    if (failed === undefined) lines.end();
    return failed;
  } catch (error) {
    if (unready !== undefined && error === unready) return { failure: unready, code: undefined, mayGoOn: false };
    if (error instanceof NotUnderstood) return { failure: notUnderstoodFailure(error), code: undefined, mayGoOn: true };
    throw error;
  }
}

/** How a dry run failed that has ended so; undefined when it did not. */
async function failedBy(
  context: RsyncContext,
  ended: Ended,
  bounds: Bounds,
  seen: Seen,
  file: ReportFile | undefined,
): Promise<FailedPass | undefined> {
  const fallen = await fallenIn(context, ended);
  if (fallen !== undefined) return { failure: fallen, code: undefined, mayGoOn: false, isVoid: true };
  const hasEnded = ended.stopped === undefined;
  const mayGoOn = hasEnded && !connectionCodes.includes(ended.code);
  if (file?.isFull === true) return { failure: reportIsFull(file.bound), code: undefined, mayGoOn };
  if (ended.code === 0 && hasEnded && !seen.ioError) return undefined;
  return {
    failure: failureOf('the audit failed', ended, context.connection, bounds),
    code: hasEnded ? ended.code : undefined,
    mayGoOn,
    isSilent: hasEnded && !seen.any,
  };
}

/** What is reserved for a report is for all that the replica has and `limits.newFiles` more: a longer one has been cut. */
function reportIsFull(bound: number): Failure {
  return new Failure(
    `the audit failed: rsync's report reached its bound of ${formatBytes(bound)}, and what is behind that is not known`,
    'serverA lists far more than limits.newFiles: look there; if that is right, raise limits.newFiles, or make room on the disk of the state and run sync --no-limits once',
  );
}

/** What a report has shown so far: whether serverA could not read something, and whether there was anything else. */
interface Seen {
  ioError: boolean;
  any: boolean;
}

/** What hands each line of a report on. */
export function reportReader(judgeLine: ReturnType<typeof lineJudge>): { seen: Seen; lines: Lines } {
  const seen = { ioError: false, any: false };
  const lines = new Lines((bytes, start, end) => {
    if (isIoError(bytes, start, end)) seen.ioError = true;
    else {
      seen.any = true;
      judgeLine(bytes, start, end);
    }
  });
  return { seen, lines };
}

function isIoError(bytes: Buffer, start: number, end: number): boolean {
  return end - start === ioError.length && bytes.toString('latin1', start, end) === ioError;
}

/** rsync reads its rules from a file: a name may be longer than an argument should be, and there may be a thousand. */
function writeRules(runFolder: string, hidden: readonly string[]): string {
  const file = join(runFolder, 'hidden');
  writeFileSync(file, hideRules(hidden), { encoding: 'latin1', mode: 0o600 });
  return file;
}

/** What a line that cannot be understood means: the audit has failed, and why that is not passed over. */
export function notUnderstoodFailure(error: NotUnderstood, what: 'dry run' | 'fetch' = 'dry run'): Failure {
  return new Failure(
    `the report of the ${what} cannot be understood (${error.message})`,
    "somebody or something put text into rsync's report: a shell start-up file on serverA that prints, or a lying rsync; nothing was admitted",
  );
}
