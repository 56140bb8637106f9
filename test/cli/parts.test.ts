/** What a command loads before it does anything: each 100 KB, and each of some builtins, costs milliseconds at every start. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { program } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

/** Writes down, at the end, which files were loaded, and which of the builtins that are slow to load. */
const probe = `
process.on('exit', () => {
  const builtins = process.moduleLoadList.map((name) => name.replace(/^NativeModule /, ''))
  const slow = ['child_process', 'crypto', 'http', 'tls', 'tty'].filter((name) => builtins.includes(name))
  require('node:fs').writeFileSync(process.env.PROBE, JSON.stringify({ files: Object.keys(require.cache), slow }))
})`;

const rows: readonly (readonly [line: string, files: readonly string[], slow: readonly string[] | undefined])[] = [
  ['status', ['main.js', 'short.js'], []],
  ['prune-window status', ['main.js', 'short.js'], []],
  ['history', ['main.js', 'short.js'], []],
  ['sync', ['main.js', 'night.js'], undefined],
  ['--help', ['main.js', 'whole.js'], undefined],
];

for (const [line, expected, slow] of rows) {
  test(`${line} loads ${expected.join(' and ')}, and of slow builtins ${slow === undefined ? 'what it needs' : 'none'}`, async (t) => {
    const night = await stage(t);
    const [file, loaded] = [join(night.folder, 'probe.cjs'), join(night.folder, 'loaded.json')];
    writeFileSync(file, probe);
    const { code, stderr } = await night.run(line.split(' '), { env: { NODE_OPTIONS: `--require ${file}`, PROBE: loaded } });
    assert.equal(code, 0, stderr);
    const found = JSON.parse(readFileSync(loaded, 'utf8')) as { files: string[]; slow: string[] };
    assert.deepEqual(found.files.filter((path) => dirname(path) === dirname(program)).map((path) => basename(path)), expected);
    if (slow !== undefined) assert.deepEqual(found.slow, slow);
  });
}

const most: Readonly<Record<string, number>> = { 'short.js': 300_000, 'night.js': 650_000, 'whole.js': 1_000_000 };

for (const [part, bytes] of Object.entries(most)) {
  test(`${part} has at most ${bytes} bytes`, () => {
    const { size } = statSync(join(dirname(program), part));
    assert.ok(size <= bytes, `${size} bytes: what does it hold that could be read when it is needed (scripts/build.mjs)?`);
  });
}
