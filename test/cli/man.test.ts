/** The manual pages: made of the commands and the schema, complete, and without a complaint of man(1) itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { manualPages, roff, wholePage } from '../../scripts/man-pages.ts';
import { allCommands } from '../../scripts/command-page.ts';
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { temporaryFolder } from '../support/temporary.ts';

const pages = manualPages('1.2.3');
const [commands = '', config = ''] = ['rsync-ratchet.1', 'rsync-ratchet.yaml.5'].map((name) => pages[name]);

test('every command, option and exit code has its place', async () => {
  for (const { path, commands: below, options } of allCommands(wholePage())) {
    if (path !== '' && below.length === 0) assert.ok(commands.includes(`\n.SS ${roff(path)}\n`), path);
    for (const { flags, long } of options) assert.ok(long === '--help' || commands.includes(roff(flags)), `${path} ${flags}`);
  }
  assert.match(commands, /\.SS sync\n[^]*?Exit codes: 0, 1, 2, 3, 4, 75, 130, 143\./);
  assert.doesNotMatch(commands, /\.SS complete\n/);
});

test('every key has its place, with its default', () => {
  const paths = (schema: JsonSchema): string[] => [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, below]) => [name, ...paths(below)]),
    ...(typeof schema.additionalProperties === 'object' ? paths(schema.additionalProperties) : []), ...(schema.items === undefined ? [] : paths(schema.items)),
  ];
  for (const name of paths(configJsonSchema())) assert.match(config, new RegExp(`^\\\\fB(?:[\\w.[\\]]+\\.)?${name}\\\\fR \\(`, 'm'));
  assert.match(config, /\\fBrepositories\.NAME\.deletionGrace\\fR \(.*\)\n.*Default: 30d\.\n/);
  assert.match(config, /\\fBrepositories\.NAME\.source\\fR \(string\)\n.*Required\.\n/);
});

test('what a text may hold is literal', () => {
  assert.equal(roff('.a\n\'b\n--c \\d'), '\\&.a\n\\&\'b\n\\-\\-c \\ed');
});

for (const [name, page] of Object.entries(pages)) {
  test(`groff reads ${name} without a complaint, where it is installed`, (t) => {
    const file = join(temporaryFolder(t), name);
    writeFileSync(file, page);
    const { error, status, stderr, stdout } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-rLL=78n', file], { encoding: 'utf8' });
    if (error !== undefined) return;
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout.replace(/.\x08/g, ''), /^NAME\n +rsync-ratchet/m);
  });
}

test('the package has them', () => {
  const { man, files, scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { man: string[]; files: string[]; scripts: Record<string, string> };
  assert.deepEqual(man, Object.keys(pages).map((name) => `dist/man/${name}`));
  assert.ok(files.includes('dist'));
  assert.match(`${scripts['prepack'] ?? ''} ${scripts['build'] ?? ''}`, /npm run build .*scripts\/man\.ts/);
});
