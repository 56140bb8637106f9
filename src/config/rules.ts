import { channels } from '../telling/channels.ts';
import { at, mapping } from './raw.ts';
import { namePattern } from './repository-schema.ts';
import { parseSource } from './source.ts';
import { placeFindings, type Place } from './places.ts';
import type { Finding, KeyPath } from './types.ts';
import type { Resolve } from './values.ts';

/**
 * What no single key can tell: names, folders that overlap, keys that go together. It reads the raw data and passes
 * over whatever has the wrong type, so that all problems come at once.
 */
export function ruleFindings(raw: unknown, resolve: Resolve): Finding[] {
  const names = Object.keys(mapping(raw, 'repositories'));
  const of = (key: string): Place[] =>
    places(
      raw,
      resolve,
      names.map((name) => ['repositories', name, key]),
    );
  const [state] = places(raw, resolve, [['state']]);
  const written = places(raw, resolve, [
    ['monitoring', 'metricsFile'],
    ['alerts', 'email', 'directory'],
  ]);
  return [
    ...names.flatMap(nameFinding),
    ...noRepository(raw, names),
    ...placeFindings({
      names,
      replicas: of('replica'),
      sources: of('source').filter(({ path }) => isLocal(at(raw, path))),
      state,
      written,
    }),
    ...channels.flatMap(({ rules }) => rules?.(raw) ?? []),
    ...names.flatMap((name) => windowFindings(raw, name)),
    ...names.flatMap((name) => passwordFindings(raw, name)),
  ];
}

function nameFinding(name: string): Finding[] {
  const path = ['repositories', name];
  if (!new RegExp(namePattern).test(name)) {
    return [
      {
        path,
        at: 'key',
        message:
          "a repository's name must be letters, digits and . _ -, begin with a letter or digit, and be at most 64 long",
      },
    ];
  }
  const reserved = ['spool', 'constructor', 'prototype'].includes(name);
  return reserved
    ? [{ path, at: 'key', message: `${name} is used inside: the repository must have another name` }]
    : [];
}

function noRepository(raw: unknown, names: string[]): Finding[] {
  const value = at(raw, ['repositories']);
  if (names.length > 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return [
    { path: ['repositories'], at: 'value', message: 'must have at least one repository, with source and replica' },
  ];
}

function isLocal(source: unknown): boolean {
  const parsed = parseSource(String(source));
  return 'value' in parsed && parsed.value.kind === 'local';
}

function passwordFindings(raw: unknown, name: string): Finding[] {
  const path = ['repositories', name, 'restic'];
  const restic = mapping(raw, ...path);
  if (!['passwordFile', 'passwordCommand'].every((each) => Object.hasOwn(restic, each))) return [];
  const message = 'must be the only way to the password: passwordFile or passwordCommand, not both';
  return [{ path: [...path, 'passwordCommand'], at: 'key', message }];
}

function windowFindings(raw: unknown, name: string): Finding[] {
  const path = ['repositories', name, 'pruneWindows'];
  const rows = at(raw, path);
  return !Array.isArray(rows)
    ? []
    : rows.flatMap((_, index): Finding[] => {
        const [from, to] = ['from', 'to'].map((key) => at(raw, [...path, index, key]));
        if (typeof from !== 'string' || from !== to) return [];
        return [
          {
            path: [...path, index, 'to'],
            at: 'value',
            message: 'must be another time than from; a whole day is from "00:00" to "23:59"',
          },
        ];
      });
}

function places(raw: unknown, resolve: Resolve, paths: KeyPath[]): Place[] {
  return paths.flatMap((path) => {
    const value = at(raw, path);
    return typeof value === 'string' && value.trim() !== '' && !value.startsWith('~')
      ? [{ path, folder: resolve(value) }]
      : [];
  });
}
