import { namePattern, ways } from './config-schema.ts';
import { parseSource } from './config-source.ts';
import type { Finding, KeyPath } from './config-types.ts';
import { isWithin } from './config-units.ts';
import type { Resolve } from './config-values.ts';

/** A folder that a key names, resolved. */
interface Place {
  path: KeyPath;
  folder: string;
}

/**
 * What no single key can tell: names, folders that overlap, keys that go together. It reads the raw data and passes
 * over whatever has the wrong type, so that all problems come at once.
 */
export function ruleFindings(raw: unknown, resolve: Resolve): Finding[] {
  const names = Object.keys(mapping(raw, 'repositories'));
  const replicas = places(raw, resolve, names.map((name) => ['repositories', name, 'replica']));
  const written = places(raw, resolve, [['state'], ['monitoring', 'metricsFile'], ['alerts', 'email', 'directory']]);
  return [
    ...names.flatMap(nameFinding),
    ...noRepository(raw, names),
    ...replicas.flatMap((one, index) => twoReplicas(one, replicas.slice(0, index))),
    ...replicas.flatMap((one) => ownSource(raw, one)),
    ...written.flatMap((one) => insideReplica(one, replicas)),
    ...places(raw, resolve, [['state']]).flatMap(({ folder }) => stateFindings(folder, names, replicas)),
    ...transportFindings(raw),
    ...loginFindings(raw),
    ...names.flatMap((name) => windowFindings(raw, name)),
  ];
}

/** Replicas that lie where `state` keeps the books of a repository or the spool; for a state that is a default as well. */
export function stateFindings(state: string, names: readonly string[], replicas: readonly Place[]): Finding[] {
  const taken = [...names, 'spool'].map((name) => `${state}/${name}`);
  return replicas.flatMap(({ path, folder }): Finding[] => {
    const clash = taken.find((one) => isWithin(folder, one));
    if (clash === undefined) return [];
    return [{ path, at: 'value', message: `must be outside ${clash}, where the state folder keeps its own files` }];
  });
}

/** The same the other way round: something that we write must not lie inside a replica. */
export function insideReplica({ path, folder }: Place, replicas: readonly Place[]): Finding[] {
  const around = replicas.find((replica) => isWithin(folder, replica.folder));
  return around ? [{ path, at: 'value', message: `must be outside the replica ${around.folder}: nothing but the repository belongs there` }] : [];
}

function nameFinding(name: string): Finding[] {
  const path = ['repositories', name];
  if (!new RegExp(namePattern).test(name)) {
    return [{ path, at: 'key', message: "a repository's name must be letters, digits and . _ -, begin with a letter or digit, and be at most 64 long" }];
  }
  const reserved = ['spool', 'constructor', 'prototype'].includes(name);
  return reserved ? [{ path, at: 'key', message: `${name} is used inside: the repository must have another name` }] : [];
}

function noRepository(raw: unknown, names: string[]): Finding[] {
  const value = at(raw, ['repositories']);
  if (names.length > 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return [{ path: ['repositories'], at: 'value', message: 'must have at least one repository, with source and replica' }];
}

function twoReplicas({ path, folder }: Place, earlier: Place[]): Finding[] {
  const other = earlier.find((one) => isWithin(folder, one.folder) || isWithin(one.folder, folder));
  if (!other) return [];
  const name = String(other.path[1]);
  const relation = other.folder === folder ? 'is also the replica of' : isWithin(folder, other.folder) ? 'lies inside the replica of' : 'lies around the replica of';
  return [{ path, at: 'value', message: `${relation} ${name} (${other.folder}): each repository must have a folder of its own` }];
}

function ownSource(raw: unknown, { path, folder }: Place): Finding[] {
  const text = at(raw, ['repositories', path[1] ?? '', 'source']);
  const source = typeof text === 'string' ? parseSource(text) : { wrong: '' };
  if ('wrong' in source || source.value.kind !== 'local') return [];
  const local = source.value.path;
  if (!isWithin(local, folder) && !isWithin(folder, local)) return [];
  return [{ path, at: 'value', message: `must be outside the source ${local}, and not around it` }];
}

function transportFindings(raw: unknown): Finding[] {
  const path = ['alerts', 'email'];
  const email = at(raw, path);
  if (typeof email !== 'object' || email === null || Array.isArray(email)) return [];
  const given = Object.keys(email).filter((key) => ways.includes(key));
  if (given.length === 0) return [{ path, at: 'key', message: 'must say how to send: exactly one of smtp, sendmail, directory (smtp: {} is a mail server on this machine)' }];
  return given.slice(1).map((key) => ({ path: [...path, key], at: 'key', message: `must be the only way to send: exactly one of smtp, sendmail, directory; ${given[0] ?? ''} is there already` }));
}

function loginFindings(raw: unknown): Finding[] {
  const path = ['alerts', 'email', 'smtp'];
  const smtp = mapping(raw, ...path);
  const pair = ['user', 'passwordFile'];
  const absent = pair.filter((key) => !Object.hasOwn(smtp, key));
  return absent.length !== 1 ? [] : absent.map((key) => ({ path: [...path, key], at: 'parent', message: 'is missing: user and passwordFile must come together' }));
}

function windowFindings(raw: unknown, name: string): Finding[] {
  const path = ['repositories', name, 'pruneWindows'];
  const rows = at(raw, path);
  return !Array.isArray(rows) ? [] : rows.flatMap((_, index): Finding[] => {
    const [from, to] = ['from', 'to'].map((key) => at(raw, [...path, index, key]));
    if (typeof from !== 'string' || from !== to) return [];
    return [{ path: [...path, index, 'to'], at: 'value', message: 'must be another time than from; a whole day is from "00:00" to "23:59"' }];
  });
}

/** The raw value at a path; undefined where there is none. */
function at(raw: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, key) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined, raw);
}

function mapping(raw: unknown, ...path: KeyPath): object {
  const value = at(raw, path);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function places(raw: unknown, resolve: Resolve, paths: KeyPath[]): Place[] {
  return paths.flatMap((path) => {
    const value = at(raw, path);
    return typeof value === 'string' && value.trim() !== '' && !value.startsWith('~') ? [{ path, folder: resolve(value) }] : [];
  });
}
