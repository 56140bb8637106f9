/** Gathers what `status` tells; reads small files only, changes nothing, and takes no lock: any user may, whom the modes let. */
import { statSync } from 'node:fs';
import type { Config, Repository } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { State } from '../ratchet/state.ts';
import { markerOf } from '../ratchet/whose-state.ts';
import { unlessClosed, type Column, type Seen } from './column.ts';
import { columns } from './columns.ts';
import type { Status } from './standing.ts';

/** The fields that a column reads. */
type FieldsOf<Each> = Each extends Column<infer Fields> ? Fields : never;

/** How a repository stands now. Throws Failure when a state file is damaged, closed to this user, or not that of the replica. */
export function statusOf(config: Config, repository: Repository, now: Date): Status {
  const state = new State(config.state ?? '', repository.name);
  const isInitialised = unlessClosed(() => markerOf(config, repository) !== undefined);
  const seen: Seen = { config, repository, state, memory: state.memory(), isInitialised, now };
  const readings = columns.map(({ read }) => read?.(seen));
  return {
    repository: repository.name,
    ...(Object.assign({}, ...readings) as Pick<Status, FieldsOf<(typeof columns)[number]>>),
  };
}

/** Whether there is a state folder of that repository at all. Throws Failure when this user may not look. */
export function hasState(config: Config, repository: Repository): boolean {
  const { folder } = new State(config.state ?? '', repository.name);
  try {
    return statSync(folder).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    throw new Failure(
      `${folder} cannot be read (${code ?? 'unknown error'})`,
      'let this user read it, see "A monitoring user" in the README',
      { cause: error },
    );
  }
}
