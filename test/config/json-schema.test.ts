import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { sampleConfig } from '../../src/config/sample.ts';
import { readConfig } from '../../src/config/config.ts';

const isValid = new Ajv().compile(configJsonSchema());

/** Every key with its schema, as `repositories.*.ssh.port`. */
function* keys(schema: JsonSchema, path = ''): Generator<[string, JsonSchema]> {
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    yield [path + name, below];
    yield* keys(below, `${path}${name}.`);
  }
  if (typeof schema.additionalProperties === 'object') yield* keys(schema.additionalProperties, `${path}*.`);
  if (schema.items !== undefined) yield* keys(schema.items, `${path}[].`);
}

/** A configuration with more lines in its one repository. */
const repository = (more: string): string => `repositories:\n  nightly:\n    source: "h:"\n    replica: /r\n    ${more}\n`;

test('every key says what it is for', () => {
  const all = [...keys(configJsonSchema())];
  assert.deepEqual(all.filter(([, { description }]) => !description?.endsWith('.')).map(([path]) => path), []);
  assert.ok(all.length > 50, `${all.length} keys`);
});

test('a file with all of the sample\'s keys is valid, and the sample names every key', () => {
  const all = parse(sampleConfig.replace(/^( *)#(?! )/gm, '$1')) as object;
  assert.ok(isValid(parse(sampleConfig)), JSON.stringify(isValid.errors));
  assert.ok(isValid(all), JSON.stringify(isValid.errors));
  const missing = [...keys(configJsonSchema())].map(([path]) => path.split('.').at(-1) ?? '').filter((key) => !sampleConfig.includes(`${key}:`));
  assert.deepEqual(missing, []);
});

describe('what the program takes, the schema takes', () => {
  for (const more of [
    'deletionGrace: 0', 'deletionGrace: "0"', 'deletionGrace: 0d', 'deletionGrace: forever', 'deletionGrace: 1.5h', 'limits: { minFree: 099.5% }', 'limits: { minFree: 50GiB }',
    'limits: { newBytes: 1.5MB, newFiles: 0 }', 'timeouts: { stall: 90s }', 'restic: { prove: unisolated }', 'restic: { path: ./bin/restic }',
    'pruneWindows: [ { days: [sun], from: "23:00", to: "01:00", timezone: UTC, maxDeletions: 5 } ]', 'ignore: [".DS_Store", "a b"]', 'ssh: { options: ["User = x"] }',
  ]) {
    test(more, () => {
      const result = readConfig(repository(more), '/');
      assert.ok('config' in result, JSON.stringify(result));
      assert.ok(isValid(parse(repository(more))), JSON.stringify(isValid.errors));
    });
  }
});

describe('what an editor underlines', () => {
  const rows: [name: string, text: string][] = [
    ['an unknown key', repository('sorce: x')],
    ['a time without a unit', repository('timeouts: { stall: 5 }')],
    ['a time with another unit', repository('timeouts: { stall: 5min }')],
    ['a size with another unit', repository('rsync: { bandwidthLimit: 20MBit }')],
    ['a percentage without %', repository('limits: { minFree: 5 }')],
    ['a number that is none', repository('spotCheck: many')],
    ['a fraction of a file', repository('spotCheck: 1.5')],
    ['a word that is not offered', repository('rsync: { sandbox: maybe }')],
    ['a time of day without quotes, which YAML reads as text only here', repository('pruneWindows: [ { days: [sun], from: 25:00, to: "01:00", timezone: UTC, maxDeletions: 5 } ]')],
    ['no repository', 'repositories: {}\n'],
    ['a name with a slash', 'repositories: { a/b: { source: "h:", replica: /r } }\n'],
    ['a missing replica', 'repositories: { a: { source: "h:" } }\n'],
    ['a home', 'repositories: { a: { source: "h:", replica: ~/r } }\n'],
    ['a mail without a way', `${repository('')}alerts: { email: { from: a@b, to: [c@d] } }\n`],
    ['a mail with two ways', `${repository('')}alerts: { email: { from: a@b, to: [c@d], smtp: {}, sendmail: /s } }\n`],
  ];
  for (const [name, text] of rows) test(name, () => assert.equal(isValid(parse(text)), false));
});

test('without defaults for what has none, with them for the rest', () => {
  const defaults = Object.fromEntries([...keys(configJsonSchema())].map(([path, schema]) => [path, schema.default]));
  assert.deepEqual(
    [defaults['repositories.*.deletionGrace'], defaults['repositories.*.limits.minFree'], defaults['repositories.*.ssh.port'], defaults['alerts.freshness']],
    ['30d', '5%', undefined, undefined],
  );
});
