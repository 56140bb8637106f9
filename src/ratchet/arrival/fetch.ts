/** The real rsync: its arguments (pure) and running it. Its destination is a fresh folder under `incoming/`, never the replica (DESIGN section 5). */
import { auditArguments } from '../../audit/dry-run.ts';
import { Lines, NotUnderstood } from '../../audit/itemize.ts';
import type { Repository } from '../../config/config.ts';
import type { Failure } from '../../errors.ts';
import { passes } from '../../layout.ts';
import type { Ended } from '../../programs/process.ts';
import { commonOptions, dryRunLimits, failureOf, fallenIn, memoryForFile, mostMemory } from '../../programs/rsync.ts';
import { expectCalls, runRsync, type RsyncContext } from '../../programs/rsync-call.ts';
import { notUnderstoodFailure } from '../../audit/dry-run.ts';
import type { Connection } from '../../programs/ssh.ts';
import type { Bounds } from '../../programs/watchdog.ts';

/** The real rsync. Never the replica as destination: `incoming` is a fresh folder that is trusted for nothing. */
export function fetchArguments(
  repository: Repository,
  connection: Connection,
  manifest: string,
  nonce: string,
  incoming: string,
  largest: number,
): string[] {
  const { bandwidthLimit } = repository.rsync;
  return [
    '-t',
    '--no-dirs',
    '--chmod=D0700,F0600',
    '--ignore-existing',
    '--from0',
    `--files-from=${manifest}`,
    '--whole-file',
    // A file that has grown since the audit is left out; the limit on file size would end the whole fetch.
    `--max-size=${Math.max(1, largest)}`,
    `--out-format=${nonce} %i|%l|%n`,
    ...(bandwidthLimit === undefined ? [] : [`--bwlimit=${Math.max(1, Math.floor(bandwidthLimit / 1024))}`]),
    ...commonOptions(repository, connection),
    connection.source,
    `${incoming}/`,
  ];
}

/** What a night will ask serverA for is started there before its turn: the dry runs, and so many fetches. */
export async function expectNight(
  context: RsyncContext,
  replica: string,
  fetches: number,
  bounds: Bounds,
): Promise<void> {
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

async function expectAll(
  context: RsyncContext,
  replica: string,
  calls: readonly string[][],
  bounds: Bounds,
): Promise<void> {
  await expectCalls(
    context,
    calls.map((args) => ({ args, room: { readable: [replica], writable: [] }, limits: dryRunLimits })),
    bounds,
  );
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
export async function runFetch(
  context: RsyncContext,
  manifest: string,
  incoming: string,
  bounds: FetchBounds,
  started: (path: string) => void,
): Promise<FetchEnd> {
  const { repository, connection, nonce } = context;
  const form = /^[^|]{11}\|\d+\|(.+)$/s;
  const lines = new Lines(
    (bytes, start, end) => {
      const text = bytes.toString('latin1', start, end);
      const name = text.startsWith(`${nonce} `) ? form.exec(text.slice(nonce.length + 1))?.[1] : undefined;
      if (name !== undefined && !name.endsWith('/')) started(name);
    },
    3 * bounds.files + 1000,
  );
  const limits = { memory: mostMemory + memoryForFile * bounds.files, fileSize: bounds.largest };
  try {
    const args = fetchArguments(repository, connection, manifest, nonce, incoming, bounds.largest);
    const ended = await runRsync(
      context,
      { args, room: { readable: [manifest], writable: [incoming] }, limits },
      bounds,
      (chunk) => {
        lines.push(chunk);
      },
    );
    if (ended.stopped === 'deadline') return 'unfinished';
    const fallen = await fallenIn(context, ended);
    if (fallen !== undefined) return fallen;
    return isDelivered(ended) ? 'complete' : failureOf('the fetch failed', ended, connection, bounds);
  } catch (error) {
    if (error instanceof NotUnderstood) return notUnderstoodFailure(error, 'fetch');
    throw error;
  }
}

/** 23 and 24: some files did not come; those that did go on (rule 7). */
function isDelivered(ended: Ended): boolean {
  return ended.stopped === undefined && ended.code !== undefined && [0, 23, 24].includes(ended.code);
}
