/** A repository of the configuration, with all defaults. */
import { readConfig, type Repository } from '../../src/config/config.ts';
import type { Value } from './config.ts';

/** `changes` are keys of the repository, as the YAML has them. */
export function repositoryConfig(changes: Readonly<Record<string, Value>> = {}): Repository {
  const text = JSON.stringify({ repositories: { nightly: { source: '/source', replica: '/replica', ...changes } } });
  const result = readConfig(text, '/etc');
  if ('problems' in result) throw new Error(JSON.stringify(result.problems, null, 2));
  const [repository] = result.config.repositories;
  if (repository === undefined) throw new Error('unreachable');
  return repository;
}
