/** `report --html`: gathers what the page tells, and puts it in place. Reads small files only, and takes no lock. */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, basename, sep } from 'node:path';
import type { Config, Repository } from '../../config/config.ts';
import { storyOf } from './story.ts';
import { reportPage } from './page.ts';
import { page } from './page-parts.ts';
import { version } from '../../version.ts';
import { Failure, UsageError } from '../../errors.ts';
import { replaceFile, replicaAround } from '../../state/files.ts';
import { State } from '../../ratchet/state.ts';
import { statusOf } from '../status.ts';

/** The page as text. Throws Failure when a state file is damaged or closed to this user. */
export function htmlReport(config: Config, repositories: readonly Repository[], now: Date): string {
  const reported = repositories.map((repository) => {
    const { journal } = new State(config.state ?? '', repository.name);
    return {
      status: statusOf(config, repository, now),
      story: storyOf(journal.newest(Infinity), now),
      journal: journal.verify(),
    };
  });
  return reportPage(reported, { ...page, nameOf }, { host: hostname(), now, version });
}

function nameOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/**
 * Puts the page in place as a whole; a file that exists is replaced and keeps its mode. Throws UsageError where nothing
 * of ours may be written: a page is no part of a replica, and must never take the place of one of its files.
 */
export function writeReport(file: string, html: string, config: Config): void {
  const path = placeOf(file);
  const { state = '' } = config;
  const owner = replicaAround(path) ?? (state !== '' && path.startsWith(`${realOf(state)}${sep}`) ? state : undefined);
  if (owner !== undefined)
    throw new UsageError(
      `${file} lies in ${owner}, which is no place for a page`,
      'name a file elsewhere, or - for stdout; nothing was written',
    );
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile())
    throw new UsageError(`${file} is there and is no file`, 'name a file, or - for stdout; nothing was written');
  try {
    replaceFile(path, html, found === undefined ? undefined : found.mode & 0o777);
  } catch (error) {
    throw new Failure(
      `${file} cannot be written: ${(error as Error).message}`,
      'name a file in a folder where this user may write',
      { cause: error },
    );
  }
}

/** The file behind links, in the folder behind links. */
function placeOf(file: string): string {
  const path = realOf(file);
  if (path !== file) return path;
  try {
    return join(realpathSync(dirname(file)), basename(file));
  } catch (error) {
    throw new UsageError(`the folder of ${file} is not there`, 'make it first; nothing was written', { cause: error });
  }
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
