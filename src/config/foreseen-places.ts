/** Folders of a configuration that are one and the same on the disk, or lie in one another, although their names do not show it. */
import { pathOf } from '../replica-path.ts';
import { placeFindings } from './places.ts';
import type { Config } from './config.ts';
import type { ValueProblem } from './file.ts';
import { isReallyWithin } from '../state/same-folder.ts';

/**
 * Of the replicas and what is written beside them; of sources on this machine only where `looksAtSources`, since one that
 * hangs would hang us. A state folder that is a default is not what is to be changed.
 */
export function placeProblems(config: Config, isDefaultState: boolean, looksAtSources = false): ValueProblem[] {
  const {
    state,
    repositories,
    monitoring: { metricsFile },
    alerts: { email },
  } = config;
  const mails = email?.transport.kind === 'directory' ? email.transport.path : undefined;
  const at = (path: string[], folder: string | undefined) => (folder === undefined ? [] : [{ path, folder }]);
  return placeFindings(
    {
      names: repositories.map(({ name }) => name),
      replicas: repositories.map(({ name, replica }) => ({
        path: ['repositories', name, 'replica'],
        folder: pathOf(replica),
      })),
      sources: repositories.flatMap(({ name, source }) =>
        at(['repositories', name, 'source'], looksAtSources && source.kind === 'local' ? source.path : undefined),
      ),
      state: state === undefined ? undefined : { path: isDefaultState ? undefined : ['state'], folder: state },
      written: [...at(['monitoring', 'metricsFile'], metricsFile), ...at(['alerts', 'email', 'directory'], mails)],
    },
    isReallyWithin,
  );
}
