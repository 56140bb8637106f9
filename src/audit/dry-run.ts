/** The dry run of one pass: its arguments (pure) and running it. One of three files that give rsync a destination; it has `--dry-run` (DESIGN section 5). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import type { Pass } from '../layout.ts';
import { commonOptions, dryRunLimits, failureOf, fallenIn } from '../programs/rsync.ts';
import { runRsync, type RsyncContext } from '../programs/rsync-call.ts';
import type { Connection } from '../programs/ssh.ts';
import type { Bounds } from '../programs/watchdog.ts';
import { filtersOf, hideRules } from './filters.ts';
import { auditFormat, Lines, NotUnderstood, lineJudge, type Judge } from './itemize.ts';
import type { FailedPass } from './passes.ts';
import { Failure } from '../errors.ts';

/** The dry run of one pass. `--itemize-changes` twice names unchanged files too. `hidden`: a file with rules that hide folders. */
export function auditArguments(
  repository: Repository,
  connection: Connection,
  pass: Pass,
  nonce: string,
  replica: string,
  hidden?: string,
): string[] {
  return [
    '-rt',
    '--dry-run',
    '--delete',
    '--delete-during',
    '--itemize-changes',
    '--itemize-changes',
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

/**
 * One dry run with the replica as destination; `judge` gets every change. `hidden`: folders of serverA that it is not to
 * open. How it failed is a value; what `judge` throws comes through.
 */
export async function dryRun(
  context: RsyncContext,
  pass: Pass,
  destination: string,
  bounds: Bounds,
  judge: Judge,
  hidden: readonly string[] = [],
): Promise<FailedPass | undefined> {
  const { repository, connection, nonce } = context;
  const { seen, lines } = reportReader(judge, nonce);
  const rules = hidden.length === 0 ? undefined : writeRules(context.runFolder, hidden);
  try {
    const args = auditArguments(repository, connection, pass, nonce, destination, rules);
    const room = { readable: [destination, ...(rules === undefined ? [] : [rules])], writable: [] };
    const ended = await runRsync(context, { args, room, limits: dryRunLimits }, bounds, (chunk) => {
      lines.push(chunk);
    });
    const fallen = await fallenIn(context, ended);
    if (fallen !== undefined) return { failure: fallen, code: undefined, mayGoOn: false, isVoid: true };
    if (ended.code === 0 && ended.stopped === undefined && !seen.ioError) {
      lines.end();
      return undefined;
    }
    const mayGoOn = ended.stopped === undefined && !connectionCodes.includes(ended.code);
    return {
      failure: failureOf('the audit failed', ended, connection, bounds),
      code: ended.stopped === undefined ? ended.code : undefined,
      mayGoOn,
      isSilent: ended.stopped === undefined && !seen.any,
    };
  } catch (error) {
    if (error instanceof NotUnderstood) return { failure: notUnderstoodFailure(error), code: undefined, mayGoOn: true };
    throw error;
  }
}

/** Judges each line of the report. `seen`: whether rsync said that serverA could not read something, and anything at all. */
function reportReader(judge: Judge, nonce: string): { seen: { ioError: boolean; any: boolean }; lines: Lines } {
  const judgeLine = lineJudge(judge, `${nonce} `);
  const seen = { ioError: false, any: false };
  const lines = new Lines((bytes, start, end) => {
    if (end - start === ioError.length && bytes.toString('latin1', start, end) === ioError) seen.ioError = true;
    else {
      seen.any = true;
      judgeLine(bytes, start, end);
    }
  });
  return { seen, lines };
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
