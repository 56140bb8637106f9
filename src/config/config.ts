import { Replica } from '../replica-path.ts';
import * as v from 'valibot';
import { ruleFindings } from './rules.ts';
import { configSchema, type ConfigSchema } from './schema.ts';
import { shapeFindings } from './shape.ts';
import type { Config, Finding, KeyPath, Position, Problem } from './types.ts';
import { resolvePath } from './units.ts';
import { credential, type Resolve } from './values.ts';
import { isExtra, keyName, printable, readYaml, type Yaml } from './yaml.ts';

export type {
  Config,
  Email,
  KeyPath,
  MinFree,
  Monitoring,
  Problem,
  PruneWindowRow,
  Repository,
  Transport,
  Weekday,
} from './types.ts';
export { keyName } from './yaml.ts';

/** Where the value of a key stands, or the nearest key above it that is written. */
type Locate = (...path: KeyPath) => Position;

/**
 * Reads a configuration. `text` is YAML, `folder` the absolute folder of its file: relative paths start there;
 * `credentials` the folder of the systemd unit's: without one they stay names.
 * Gives the configuration with all defaults, and a way to find its keys in the text; or all problems at once, in the
 * order of the text. Whether files exist is for its caller. Throws only where the code contradicts itself.
 */
export function readConfig(
  text: string,
  folder: string,
  credentials?: string,
): { config: Config; locate: Locate } | { problems: Problem[] } {
  const yaml = readYaml(text.replace(/^\uFEFF/, ''));
  if ('problems' in yaml) return yaml;
  const raw = withoutExtras(yaml.raw);
  if (raw === null) {
    return {
      problems: [
        {
          line: 1,
          column: 1,
          key: '',
          message: 'is empty: must at least name one of repositories, with source and replica',
        },
      ],
    };
  }
  const resolve: Resolve = (path, kind) => {
    if (kind !== 'credential') return resolvePath(folder, path);
    return credentials === undefined ? path : `${credentials}/${path.slice(credential.length)}`;
  };
  const schema = configSchema(resolve);
  const result = v.safeParse(schema, raw, { abortPipeEarly: true });
  const misshapen = shapeFindings(yaml, schema);
  const values = valueFindings(result).filter((value) => !misshapen.some((shape) => isAbove(shape, value)));
  const findings = [...misshapen, ...ruleFindings(raw, resolve), ...values];
  const problems = inOrder([
    ...yaml.duplicates,
    ...findings.slice(0, mostProblems).map((finding) => problemOf(yaml, finding)),
  ]);
  if (problems.length > 0) return { problems: [...problems, ...moreProblems(findings.length - mostProblems)] };
  if (!result.success) throw new Error(`the schema refuses what the problems do not name: ${result.issues[0].message}`);
  return { config: toConfig(result.output), locate: (...path) => yaml.place(path, 'value') };
}

/** So many are told: to find the place of one costs a walk through the file. */
const mostProblems = 100;

function moreProblems(count: number): Problem[] {
  return count <= 0 ? [] : [{ line: 1, column: 1, key: '', message: `… and ${count} more` }];
}

/** Without the operator's own `x-…` blocks. What stands in `repositories` are names, whatever they begin with. */
function withoutExtras(value: unknown, areNames = false, seen = new Map<unknown, unknown>()): unknown {
  if (typeof value !== 'object' || value === null || seen.has(value)) return seen.get(value) ?? value;
  const kept: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
  seen.set(value, kept); // an alias may lead back here
  for (const [key, below] of Object.entries(value)) {
    if (!areNames && isExtra(key)) continue;
    Object.defineProperty(kept, key, {
      value: withoutExtras(below, key === 'repositories', seen),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return kept;
}

/** What valibot says of single values; mappings are compared by config-shape.ts. */
function valueFindings(result: v.SafeParseResult<ConfigSchema>): Finding[] {
  const issues = (result.issues ?? []).filter(({ type }) => type !== 'strict_object' && type !== 'record');
  return issues.map((issue) => ({
    path: (issue.path ?? []).map(({ key }) => key as string | number),
    at: 'value',
    message: `${issue.message}; found ${shown(issue.input)}`,
  }));
}

/** What has the wrong shape is not looked into: a list's items are not the keys of a mapping. */
const isAbove = (shape: Finding, value: Finding) => shape.path.every((key, index) => key === value.path[index]);

/** A value as it can be printed. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (value === null) return 'nothing';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'a mapping';
}

function problemOf(yaml: Yaml, { path, at, message }: Finding): Problem {
  return { ...yaml.place(path, at), key: keyName(path), message };
}

const inOrder = (problems: Problem[]) => problems.sort((a, b) => a.line - b.line || a.column - b.column);

function toConfig({ state, repositories, alerts, monitoring }: v.InferOutput<ConfigSchema>): Config {
  return {
    state,
    repositories: Object.entries(repositories).map(([name, { replica, ...rest }]) => ({
      name,
      replica: new Replica(name, replica),
      ...rest,
    })),
    alerts,
    monitoring,
  };
}
