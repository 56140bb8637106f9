/** rsync: argument vectors (pure, exported) and running them. Each option is explained in DESIGN section 5. */
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Repository } from '../core/config.ts';
import { auditFormat, escapeText, Lines, NotUnderstood, lineJudge, type Judge } from '../core/itemize.ts';
import { filtersOf, hideRules } from '../core/filters.ts';
import type { Pass } from '../core/layout.ts';
import type { FailedPass } from '../core/passes.ts';
import { asFailure, Failure } from '../errors.ts';
import { anotherFolderCode } from './bubblewrap.ts';
import { anotherFolder } from './held-folder.ts';
import type { Ended, Limits } from './process.ts';
import { runRsync, type RsyncContext } from './rsync-call.ts';
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
  const seen = { ioError: false };
  const lines = new Lines((bytes, start, end) => {
    if (end - start === ioError.length && bytes.toString('latin1', start, end) === ioError) seen.ioError = true;
    else judgeLine(bytes, start, end);
  });
  const rules = hidden.length === 0 ? undefined : writeRules(context.runFolder, hidden);
  try {
    const args = auditArguments(repository, connection, pass, nonce, destination, rules);
    const room = { readable: [destination, ...(rules === undefined ? [] : [rules])], writable: [] };
    const ended = await runRsync(context, { args, room, limits: dryRunLimits }, bounds, (chunk) => { lines.push(chunk); });
    const fallen = fallenIn(context, ended);
    if (fallen !== undefined) return { failure: fallen, code: undefined, mayGoOn: false, isVoid: true };
    if (ended.code === 0 && ended.stopped === undefined && !seen.ioError) {
      lines.end();
      return undefined;
    }
    const mayGoOn = ended.stopped === undefined && !connectionCodes.includes(ended.code);
    return { failure: failureOf('the audit failed', ended, connection, bounds), code: ended.stopped === undefined ? ended.code : undefined, mayGoOn };
  } catch (error) {
    if (error instanceof NotUnderstood) return { failure: notUnderstoodFailure(error), code: undefined, mayGoOn: true };
    throw error;
  }
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
    const fallen = fallenIn(context, ended);
    if (fallen !== undefined) return fallen;
    return isDelivered(ended) ? 'complete' : failureOf('the fetch failed', ended, connection, bounds);
  } catch (error) {
    if (error instanceof NotUnderstood) return notUnderstoodFailure(error, 'fetch');
    throw error;
  }
}

/** Why what rsync read is not what the run began with. Where we ended rsync ourselves the mount went first, and nothing was read since. */
function fallenIn(context: RsyncContext, { code, stopped }: Ended): Failure | undefined {
  if (stopped !== undefined) return undefined;
  return context.fallen() ?? (code === anotherFolderCode ? anotherFolder(context.held.map(({ path }) => path).join(' or ')) : undefined);
}

/** 23 and 24: some files did not come; those that did go on (rule 7). */
function isDelivered(ended: Ended): boolean {
  return ended.stopped === undefined && ended.code !== undefined && [0, 23, 24].includes(ended.code);
}

function failureOf(what: string, ended: Ended, connection: Connection, bounds: Bounds): Failure {
  return ended.stopped === 'interrupt' ? asFailure(bounds.interrupt.reason) : rsyncFailure(what, ended, connection);
}

/** The failure that a dry run or a fetch ended with: what happened, and what to do. */
function rsyncFailure(what: string, ended: Ended, connection: Connection): Failure {
  const said = [ended.stderr, connection.stderr()].filter((text) => text.trim() !== '').join('\n');
  const how = ended.stopped !== undefined ? stoppedWords[ended.stopped]
    : ended.code === undefined ? `ended by ${ended.signal ?? 'an error at its start'}` : exitWords(ended.code);
  return new Failure(`${what}: rsync ${how}${said === '' ? '' : `: ${escapeText(said)}`}`, hintFor(ended, said));
}

const stoppedWords = {
  stall: 'made no progress for timeouts.stall and was ended',
  deadline: 'was not done within timeouts.run and was ended',
  interrupt: 'was ended because we were interrupted',
  refused: 'was ended because of what it printed',
  overrun: 'brought more than serverA had listed and was ended',
};

/** bubblewrap, like a shell, says 128 and the signal's number for a program that a signal ended. */
function exitWords(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal === undefined ? `exit code ${code}` : `ended by ${signal}`;
}

/** Hints from codes and words that serverA can choose: for people, never for decisions. */
function hintFor(ended: Ended, said: string): string {
  return rsyncHints.find(([matches]) => matches(ended, said))?.[1] ?? 'see the message above and rsync(1), "EXIT VALUES"';
}

const rsyncHints: readonly (readonly [(ended: Ended, said: string) => boolean, string])[] = [
  [(ended) => ended.stopped === 'stall', 'serverA or the network hangs: try again, or raise timeouts.stall'],
  [(ended) => ended.stopped === 'deadline', 'raise timeouts.run, or look why serverA is slow'],
  [(ended, said) => ended.stopped === 'overrun' || /File too large|SIGXFSZ/.test(said), 'serverA sends more than it listed: look at the rsync program there'],
  [(_, said) => /ENOENT|spawn|(setpriv|prlimit): failed to execute/.test(said), 'rsync is not installed on this machine, or rsync.path is wrong'],
  [(_, said) => /--max-alloc=\S+: unknown option/.test(said), 'this rsync is too old: 3.2.3 or later is needed (rsync-ratchet doctor)'],
  [(_, said) => /rrsync error:.*(No such file|does not exist)/.test(said), 'the folder does not exist on serverA: behind rrsync the path in source is relative to rrsync\'s folder, so usually just user@host:/'],
  [(ended, said) => ended.code === 127 || said.includes('not found') || /sh: .*: No such file or directory/.test(said),
    'rsync is missing on serverA, or rsync.remotePath is wrong: install it there (apt-get install rsync)'],
  [(_, said) => said.includes('Permission denied'), 'serverA may not read part of the repository: check owner and modes there'],
  [(ended, said) => ended.code === 255 || /Control socket|mux_client|Connection closed|Broken pipe|connection unexpectedly closed \([1-9]/.test(said), 'the ssh connection broke: see whether serverA is up, and run again'],
  [(ended) => ended.code === 22, 'serverA lists more than our rsync may hold in memory: see what lies there, or whether the rsync there lies'],
  [(ended) => ended.code === 23, 'part of the repository could not be read on serverA, so nothing it said counts'],
  [(ended) => ended.code === 24, 'files vanished on serverA twice while they were listed: is a prune running there?'],
  [(ended) => ended.code === 2 || ended.code === 12, 'the ssh connection broke, or serverA did not speak the rsync protocol: is it up, is rsync installed there, does the account print a banner?'],
  [(ended) => ended.code === 30, 'serverA did not answer within timeouts.stall'],
];

/** What a line that cannot be understood means: the audit has failed, and why that is not passed over. */
function notUnderstoodFailure(error: NotUnderstood, what: 'dry run' | 'fetch' = 'dry run'): Failure {
  return new Failure(
    `the report of the ${what} cannot be understood (${error.message})`,
    'somebody or something put text into rsync\'s report: a shell start-up file on serverA that prints, or a lying rsync; nothing was admitted',
  );
}
