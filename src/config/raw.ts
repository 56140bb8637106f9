/** Looking into a configuration as it is written, where anything may have the wrong type. */
import type { KeyPath } from './types.ts';

/** The raw value at a path; undefined where there is none. */
export function at(raw: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string | number, unknown>)[key]
        : undefined,
    raw,
  );
}

/** The mapping at a path; an empty one where there is none. */
export function mapping(raw: unknown, ...path: KeyPath): object {
  const value = at(raw, path);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
