/** The metrics file: gathered from the state of all repositories and replaced as a whole, so that nobody reads half of it. */
import { join } from 'node:path';
import type { JournalEvent, JournalLine } from '../state/chain.ts';
import type { Config, Repository } from '../config/config.ts';
import { metricsText, type OnlyEnd } from './metric-families.ts';
import type { Status } from '../looking/standing.ts';
import { version } from '../version.ts';
import { asFailure } from '../errors.ts';
import type { Console } from './console.ts';
import { makeFolder, replaceFile } from '../state/files.ts';
import { takeLock } from '../programs/lock.ts';
import { statusOf } from '../looking/status.ts';

/** The end of a run that may not have reached the journal: a full disk must not hide a failure. */
export interface Ended {
  readonly repository: string;
  readonly end: JournalEvent;
}

/** How long another rsync-ratchet may be at it, in seconds; after that the newer file wins. */
const lockWait = 10;

/** Writes the metrics file. Never throws: what goes wrong is said as a warning. */
export async function refreshMetrics(
  path: string,
  config: Config,
  console: Pick<Console, 'warn'>,
  now: Date,
  ended?: Ended,
): Promise<void> {
  try {
    const release = await locked(config.state ?? '');
    try {
      const all = config.repositories.flatMap((repository) => gathered(config, repository, now, console, ended));
      replaceFile(path, metricsText(all, version, now), 0o644);
    } finally {
      release();
    }
  } catch (error) {
    console.warn(`the metrics file ${path} could not be written: ${asFailure(error).message}`);
  }
}

/** Two runs that end together must not leave the older figures; without a lock (a full disk) the file is written all the same. */
async function locked(state: string): Promise<() => void> {
  try {
    makeFolder(state);
    const lock = await takeLock(join(state, 'metrics.lock'), lockWait);
    return () => lock?.release();
  } catch {
    return () => undefined;
  }
}

/** Of a repository whose books cannot be read no figures are better than wrong ones; how this run ended is known all the same. */
function gathered(
  config: Config,
  repository: Repository,
  now: Date,
  console: Pick<Console, 'warn'>,
  ended?: Ended,
): (Status | OnlyEnd)[] {
  const { name } = repository;
  const end = ended?.repository === name ? lineOf(name, ended.end, now) : undefined;
  try {
    const status = statusOf(config, repository, now);
    return [end === undefined ? status : withEnd(status, end)];
  } catch (error) {
    console.warn(`no metrics of ${name} but how its run ended: ${asFailure(error).message}`);
    return end === undefined ? [] : [{ repository: name, end }];
  }
}

function lineOf(repository: string, end: JournalEvent, now: Date): JournalLine {
  return { sequence: 0, time: now.toISOString(), repository, previous: '', ...end };
}

/** The status as it is after this run, whether the journal has its end or not. */
function withEnd(status: Status, end: JournalLine): Status {
  if (status.lastRun?.runId === end.runId) return status;
  const isSuccess = end['exitCode'] === 0 || end['exitCode'] === 4;
  return { ...status, lastRun: end, lastSuccess: isSuccess ? end : status.lastSuccess };
}
