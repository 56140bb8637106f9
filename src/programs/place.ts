/** Where a run takes place, for words. */
import { pathOf } from '../replica-path.ts';
import { hostname } from 'node:os';
import type { Repository } from '../config/config.ts';
import { rsyncSource } from './ssh-command.ts';
import type { Place } from '../words/report.ts';

/** Where a run of a repository takes place. `program`: how a command begins that finds the same configuration. */
export function placeOf({ repository, program }: { repository: Repository; program?: string | undefined }): Place {
  const { source } = repository;
  // The account that nights log in with may not write, and behind rrsync the path is not the folder's.
  const destination =
    source.kind === 'local'
      ? source.path
      : rsyncSource({ kind: 'ssh', user: 'USER', host: source.host, path: '/FOLDER' });
  return {
    host: hostname(),
    replica: pathOf(repository.replica),
    destination,
    ...(program === undefined ? {} : { program }),
  };
}
