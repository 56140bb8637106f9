/** The list of the ways to tell: what is in the folder is in the list, and what is in the list is in the configuration. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { secretFiles } from '../../src/config/secrets.ts';
import { readConfig } from '../../src/config/config.ts';
import { channels } from '../../src/telling/channels.ts';

test('every file of channels/ is in the list, once', () => {
  const files = readdirSync(new URL('../../src/telling/channels', import.meta.url));
  const own = files.filter((file) => !file.startsWith('look-at-')).map((file) => file.replace(/\.ts$/, ''));
  assert.deepEqual(channels.map(({ name }) => name).sort(), own.sort());
});

test('the configuration has the key of each, with its description', () => {
  const { properties } = configJsonSchema();
  for (const {
    key: [section, name],
    description,
  } of channels) {
    assert.equal(properties?.[section]?.properties?.[name]?.description, description);
  }
});

test('the secrets of each are looked at', () => {
  const text =
    'repositories: { a: { source: "h:x", replica: /r } }\nalerts: { email: { from: a@b.c, to: [a@b.c], smtp: { host: m.example, user: u, passwordFile: /p } } }\nmonitoring: { ping: { urlFile: /u } }\n';
  const result = readConfig(text, '/');
  assert.ok('config' in result);
  const named = secretFiles(result.config).flatMap(({ path, file }) =>
    file === undefined ? [] : [[path.join('.'), file]],
  );
  assert.deepEqual(named, [
    ['alerts.email.smtp.passwordFile', '/p'],
    ['monitoring.ping.urlFile', '/u'],
  ]);
});
