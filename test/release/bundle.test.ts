/** What is shipped: the one-file bundle with its papers, and the npm package. Each is tried away from this repository. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryFolder } from '../support/temporary.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const read = (...path: string[]): string => readFileSync(join(...path), 'utf8');
const files = ['rsync-ratchet.cdx.json', 'rsync-ratchet.licences.txt', 'rsync-ratchet.mjs', 'rsync-ratchet.mjs.sha256'];

let bundle = '';
before(async () => {
  bundle = temporaryFolder();
  await run(process.execPath, [join(root, 'scripts/bundle.mjs'), bundle]);
});

/** The sources in another folder, elsewhere and with a longer name. */
function copyOfSources(names: readonly string[]): string {
  const copy = join(temporaryFolder(), 'another/place/for/the sources');
  mkdirSync(copy, { recursive: true });
  for (const name of names) cpSync(join(root, name), join(copy, name), { recursive: true });
  return copy;
}

interface Component { readonly name: string; readonly version: string; readonly hashes: { alg: string; content: string }[]; readonly properties: { value: string }[] }

const materials = (): { metadata: { component: Component }; components: Component[] } => JSON.parse(read(bundle, 'rsync-ratchet.cdx.json'));

test('made twice in different folders, the bundle is the same bit for bit', async () => {
  const copy = copyOfSources(['src', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE']);
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  await run(process.execPath, [join(copy, 'scripts/bundle.mjs')], { cwd: '/', env: { PATH: process.env['PATH'], TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8' } });
  assert.deepEqual(readdirSync(join(copy, 'dist-bundle')).sort(), files);
  for (const name of files) assert.ok(read(copy, 'dist-bundle', name) === read(bundle, name), name);
});

test('the bundle runs alone, holds no path of this machine, and its SHA-256 is beside it', async () => {
  const text = read(bundle, 'rsync-ratchet.mjs');
  for (const word of [root, bundle]) assert.ok(!text.includes(word), word);
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'rsync-ratchet.mjs.sha256'], { cwd: bundle });
  const alone = temporaryFolder();
  cpSync(join(bundle, 'rsync-ratchet.mjs'), join(alone, 'rsync-ratchet.mjs'));
  await works(join(alone, 'rsync-ratchet.mjs'), alone);
});

/** The program answers, and has its lazy parts: the report's page, and mail. */
async function works(program: string, folder: string): Promise<void> {
  const ratchet = async (...args: string[]): Promise<string> => (await run(program, args, { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder } })).stdout;
  const { version } = JSON.parse(read(root, 'package.json')) as { version: string };
  assert.equal(await ratchet('--version'), `${version}\n`);
  await ratchet('config', 'generate', '--destination', 'config.yaml');
  await ratchet('--config', 'config.yaml', 'config', 'validate');
  assert.match(await ratchet('--config', 'config.yaml', 'report', '--html', '-'), /uplot/);
}

test('the list of what is inside names each package as the lock file has it, and keeps its licence', () => {
  const { metadata, components } = materials();
  const text = read(bundle, 'rsync-ratchet.mjs');
  const { packages } = JSON.parse(read(root, 'package-lock.json')) as { packages: Record<string, { version: string; integrity?: string }> };
  assert.equal(metadata.component.hashes[0]?.content, createHash('sha256').update(text).digest('hex'));
  for (const { name, version, hashes } of components) {
    const known = Object.entries(packages).filter(([place, each]) => place.endsWith(`node_modules/${name}`) && each.version === version);
    const integrity = `sha512-${Buffer.from(hashes[0]?.content ?? '', 'hex').toString('base64')}`;
    assert.ok(known.some(([, each]) => each.integrity === integrity), name);
    assert.ok(text.includes(`\n${name}\n\n`), `the licence of ${name}`);
  }
  for (const name of ['commander', 'execa', 'nodemailer', 'uplot', 'yaml']) assert.ok(components.some((each) => each.name === name), name);
});

test('the manual names each runtime package, its size in the bundle and the file that uses it', () => {
  const { dependencies } = JSON.parse(read(root, 'package.json')) as { dependencies: Record<string, string> };
  const rows = read(root, 'src/manual/packages.md').split('\n').filter((line) => /^\| [\w@/-]+ \| \d+ KB \|/.test(line)).map((line) => line.split('|').map((cell) => cell.trim()));
  assert.deepEqual(rows.map(([, name]) => name).sort(), Object.keys(dependencies).sort());
  for (const [, name = '', size = '', brings = '', , , used = ''] of rows) {
    const own = [name, ...brings.split(', ')];
    const bytes = materials().components.filter((each) => own.includes(each.name)).reduce((sum, { properties }) => sum + Number(properties[0]?.value), 0);
    assert.ok(Math.abs(parseInt(size) - bytes / 1000) < 1 + bytes / 20_000, `${name}: the manual says ${size}, it is ${bytes} bytes`);
    assert.match(used, /^`src\//, name);
  }
  const told = rows.flatMap(([, name = '', , brings = '']) => [name, ...brings.split(', ')]);
  assert.deepEqual(materials().components.map(({ name }) => name).filter((name) => !told.includes(name)), []);
});

test('npm pack gives a package whose program runs', async () => {
  const copy = copyOfSources(['dist', 'scripts', 'src', 'package.json', 'README.md', 'LICENSE']);
  const { stdout } = await run('npm', ['pack', '--json', '--offline', '--ignore-scripts', '--loglevel=error'], { cwd: copy });
  const [{ filename = '' } = {}] = JSON.parse(stdout) as { filename?: string }[];
  const away = temporaryFolder();
  await run('tar', ['-xzf', join(copy, filename), '-C', away]);
  const { bin } = JSON.parse(read(away, 'package/package.json')) as { bin: Record<string, string> };
  assert.deepEqual(readdirSync(join(away, 'package')).sort(), ['LICENSE', 'README.md', 'dist', 'package.json', 'scripts', 'src']);
  assert.deepEqual(readdirSync(join(away, 'package/src')), ['manual']);
  await works(join(away, 'package', bin['rsync-ratchet'] ?? ''), away);
});
