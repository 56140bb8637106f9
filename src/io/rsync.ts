/** rsync: argument vectors (pure, exported) and running them. Each option is explained in DESIGN section 5. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../core/config.ts';
import { auditFormat, Lines, NotUnderstood, lineJudge, type Judge } from '../core/itemize.ts';
import { filtersOf, hideRules } from '../core/filters.ts';
import { passes, type Pass } from '../core/layout.ts';
import type { FailedPass } from '../core/passes.ts';
import { asFailure, type Failure } from '../errors.ts';
import { anotherFolder, anotherFolderCode } from './held-folder.ts';
import type { Ended, Limits } from './process.ts';
import { expectCalls, runRsync, type RsyncContext } from './rsync-call.ts';
import { notUnderstoodFailure, rsyncFailure } from './rsync-words.ts';
import type { Connection } from './ssh.ts';
import type { Bounds } from './watchdog.ts';

/** The options that every call has: bounds on time and memory, and the way to serverA. */
export function commonOptions(repository: Repository, connection: Connection): string[] {
  const { rsync, timeouts } = repository;
  return [
    `--timeout=${Math.ceil(timeouts.stall / 1000)}`,
    '--max-alloc=1G',
    ...(connection.channels === undefined ? [] : [`--rsync-path=${rsync.remotePath}`]),
  ];
}

/** The dry run of one pass. `--itemize-changes` twice names unchanged files too. `hidden`: a file with rules that hide folders. */
export function auditArguments(repository: Repository, connection: Connection, pass: Pass, nonce: string, replica: string, hidden?: string): string[] {
  return [
    '-rt', '--dry-run', '--delete', '--delete-during', '--itemize-changes', '--itemize-changes',
    `--out-format=${auditFormat(nonce)}`,
    ...filtersOf(pass, repository.ignore, hidden),
    ...commonOptions(repository, connection),
    connection.source,
    `${replica}/`,
  ];
}

/** The real rsync. Never the replica as destination: `incoming` is a fresh folder that is trusted for nothing. */
export function fetchArguments(repository: Repository, connection: Connection, manifest: string, nonce: string, incoming: string, largest: number): string[] {
  const { bandwidthLimit } = repository.rsync;
  return [
    '-t', '--no-dirs', '--chmod=D0700,F0600', '--ignore-existing', '--from0', `--files-from=${manifest}`, '--whole-file',
    // A file that has grown since the audit is left out; the limit on file size would end the whole fetch.
    `--max-size=${Math.max(1, largest)}`,
    `--out-format=${nonce} %i|%l|%n`,
    ...(bandwidthLimit === undefined ? [] : [`--bwlimit=${Math.max(1, Math.floor(bandwidthLimit / 1024))}`]),
    ...commonOptions(repository, connection),
    connection.source,
    `${incoming}/`,
  ];
}

/** What our rsync prints when serverA could not read something: the dry run fails, for the reason that its stderr gives. */
const ioError = 'IO error encountered -- skipping file deletion';

/** Our rsync may take so much memory, in bytes; a fetch, which holds its whole list, so much more for each file. */
const [mostMemory, memoryForFile] = [2 ** 29, 512];
/** A dry run writes nothing at all; this is for what rsync, ssh and bubblewrap may do at their start. */
export const dryRunLimits: Limits = { memory: mostMemory, fileSize: 2 ** 20 };

/** rsync's exit codes when the connection, or the other side, is gone (rsync(1), "EXIT VALUES"; 255 is ssh's). */
const connectionCodes: readonly (number | undefined)[] = [10, 12, 30, 35, 255, undefined];

/**
 * One dry run with the replica as destination; `judge` gets every change. `hidden`: folders of serverA that it is not to
 * open. How it failed is a value; what `judge` throws comes through.
 */
export async function dryRun(
  context: RsyncContext, pass: Pass, destination: string, bounds: Bounds, judge: Judge, hidden: readonly string[] = [],
): Promise<FailedPass | undefined> {
  const { repository, connection, nonce } = context;
  const judgeLine = lineJudge(judge, `${nonce} `);
  const seen = { ioError: false, any: false };
  const lines = new Lines((bytes, start, end) => {
    if (end - start === ioError.length && bytes.toString('latin1', start, end) === ioError) seen.ioError = true;
    else {
      seen.any = true;
      judgeLine(bytes, start, end);
    }
  });
  const rules = hidden.length === 0 ? undefined : writeRules(context.runFolder, hidden);
  try {
    const args = auditArguments(repository, connection, pass, nonce, destination, rules);
    const room = { readable: [destination, ...(rules === undefined ? [] : [rules])], writable: [] };
    const ended = await runRsync(context, { args, room, limits: dryRunLimits }, bounds, (chunk) => { lines.push(chunk); });
    const fallen = await fallenIn(context, ended);
    if (fallen !== undefined) return { failure: fallen, code: undefined, mayGoOn: false, isVoid: true };
    if (ended.code === 0 && ended.stopped === undefined && !seen.ioError) {
      lines.end();
      return undefined;
    }
    const mayGoOn = ended.stopped === undefined && !connectionCodes.includes(ended.code);
    return { failure: failureOf('the audit failed', ended, connection, bounds), code: ended.stopped === undefined ? ended.code : undefined, mayGoOn, isSilent: ended.stopped === undefined && !seen.any };
  } catch (error) {
    if (error instanceof NotUnderstood) return { failure: notUnderstoodFailure(error), code: undefined, mayGoOn: true };
    throw error;
  }
}

/** What a night will ask serverA for is started there before its turn: the dry runs, and so many fetches. */
export async function expectNight(context: RsyncContext, replica: string, fetches: number, bounds: Bounds): Promise<void> {
  const { repository, connection, nonce } = context;
  const audits = passes.map((pass) => auditArguments(repository, connection, pass, nonce, replica));
  await expectAll(context, replica, [...audits, ...Array<string[]>(fetches).fill(anyFetch(context, replica))], bounds);
}

/** The same for a fetch that has turned out to be needed. */
export async function expectFetch(context: RsyncContext, replica: string, bounds: Bounds): Promise<void> {
  await expectAll(context, replica, [anyFetch(context, replica)], bounds);
}

/** A fetch of nothing asks serverA for the same as any other. */
function anyFetch({ repository, connection, nonce }: RsyncContext, replica: string): string[] {
  return fetchArguments(repository, connection, '/dev/null', nonce, replica, 1);
}

async function expectAll(context: RsyncContext, replica: string, calls: readonly string[][], bounds: Bounds): Promise<void> {
  await expectCalls(context, calls.map((args) => ({ args, room: { readable: [replica], writable: [] }, limits: dryRunLimits })), bounds);
}

/** rsync reads its rules from a file: a name may be longer than an argument should be, and there may be a thousand. */
function writeRules(runFolder: string, hidden: readonly string[]): string {
  const file = join(runFolder, 'hidden');
  writeFileSync(file, hideRules(hidden), { encoding: 'latin1', mode: 0o600 });
  return file;
}

/** What a fetch may take, besides its clocks: what was asked for, and no more. */
export interface FetchBounds extends Bounds {
  /** How many files were asked for. */
  readonly files: number;
  /** The size of the largest of them, in bytes. */
  readonly largest: number;
}

/** How a fetch ended: `unfinished` when the run's time was over. What was delivered counts, not the exit code. */
export type FetchEnd = 'complete' | 'unfinished' | Failure;

/** Runs the fetch; `started` is called for each file whose transfer begins, so that the one before is complete. */
export async function fetch(
  context: RsyncContext, manifest: string, incoming: string, bounds: FetchBounds, started: (path: string) => void,
): Promise<FetchEnd> {
  const { repository, connection, nonce } = context;
  const form = /^[^|]{11}\|\d+\|(.+)$/s;
  const lines = new Lines((bytes, start, end) => {
    const text = bytes.toString('latin1', start, end);
    const name = text.startsWith(`${nonce} `) ? form.exec(text.slice(nonce.length + 1))?.[1] : undefined;
    if (name !== undefined && !name.endsWith('/')) started(name);
  }, 3 * bounds.files + 1000);
  const limits = { memory: mostMemory + memoryForFile * bounds.files, fileSize: bounds.largest };
  try {
    const args = fetchArguments(repository, connection, manifest, nonce, incoming, bounds.largest);
    const ended = await runRsync(context, { args, room: { readable: [manifest], writable: [incoming] }, limits }, bounds, (chunk) => { lines.push(chunk); });
    if (ended.stopped === 'deadline') return 'unfinished';
    const fallen = await fallenIn(context, ended);
    if (fallen !== undefined) return fallen;
    return isDelivered(ended) ? 'complete' : failureOf('the fetch failed', ended, connection, bounds);
  } catch (error) {
    if (error instanceof NotUnderstood) return notUnderstoodFailure(error, 'fetch');
    throw error;
  }
}

/** Why what rsync read is not what the run began with. Where we ended rsync ourselves the mount went first, and nothing was read since. */
async function fallenIn(context: RsyncContext, { code, stopped }: Ended): Promise<Failure | undefined> {
  if (stopped !== undefined) return undefined;
  return (await context.fallen()) ?? (code === anotherFolderCode ? anotherFolder(context.held.map(({ path }) => path).join(' or ')) : undefined);
}

/** 23 and 24: some files did not come; those that did go on (rule 7). */
function isDelivered(ended: Ended): boolean {
  return ended.stopped === undefined && ended.code !== undefined && [0, 23, 24].includes(ended.code);
}

function failureOf(what: string, ended: Ended, connection: Connection, bounds: Bounds): Failure {
  return ended.stopped === 'interrupt' ? asFailure(bounds.interrupt.reason) : rsyncFailure(what, ended, connection);
}
