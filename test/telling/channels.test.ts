/** The list of the ways to tell: what is in the folder is in the list, and what is in the list is in the configuration. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { secretFiles } from '../../src/config/secrets.ts';
import { readConfig } from '../../src/config/config.ts';
import { channels, routesOf, spread } from '../../src/telling/channels.ts';

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

test('alerts and news go to the ways that are configured, and to no other', async () => {
  const text =
    'repositories: { a: { source: "h:x", replica: /r } }\nalerts: { command: [/usr/bin/notify, x] }\nmonitoring: { metricsFile: /nowhere/metrics }\n';
  const result = readConfig(text, '/');
  assert.ok('config' in result);
  const routes = routesOf(result.config).map(({ channel, settings }) => [channel.name, channel.recipients(settings)]);
  assert.deepEqual(routes, [['command', ['alerts.command']]]);
  const warned: string[] = [];
  await spread({ config: result.config, console: { warn: (words) => warned.push(words) } }, { kind: 'changed', now: new Date(0) });
  assert.match(warned.join('\n'), /^the metrics file \/nowhere\/metrics could not be written: /);
});
