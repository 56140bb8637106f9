/**
 * npm run deb: the Debian package, the same bit for bit wherever the same sources are packed by the same dpkg and xz.
 * Usage: node --import tsx scripts/deb.ts [OUTDIR]. $SOURCE_DATE_EPOCH is the time of all that is in it; by default that of the last commit.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { debFiles, links, changelogOf, type DebFile } from './deb-files.ts';

const root = resolve(import.meta.dirname, '..');
const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8');

const work = mkdtempSync(join(tmpdir(), 'rsync-ratchet-deb-'));
try {
  console.log(make(resolve(process.argv[2] ?? join(root, 'dist-deb'))));
} finally {
  rmSync(work, { recursive: true });
}

/** Packs all into a file in the folder, and returns its path. */
function make(out: string): string {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const epoch = process.env['SOURCE_DATE_EPOCH'] ?? run('git', ['-C', root, 'log', '-1', '--format=%ct']).trim();
  const bundle = join(work, 'bundle');
  run(process.execPath, [join(root, 'scripts/bundle.mjs'), bundle]);

  const changelog = changelogOf(version, read('src/manual/changes.md'), maintainer(), new Date(Number(epoch) * 1000));
  const files = debFiles(root, bundle, version, changelog);
  for (const file of [...files, ...controlFiles(files, version)]) put(file);
  for (const [path, target] of links) link(path, target);

  run('find', [join(work, 'tree'), '-exec', 'touch', '--no-dereference', '--date', `@${epoch}`, '{}', '+']);

  mkdirSync(out, { recursive: true });
  const deb = join(out, `rsync-ratchet_${version}_all.deb`);
  // One thread: where xz works with several, it cuts what it packs in pieces.
  run('dpkg-deb', ['--root-owner-group', '-Zxz', '--threads-max=1', '--build', join(work, 'tree'), deb], {
    SOURCE_DATE_EPOCH: epoch,
  });
  return deb;
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  return execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC', ...env } });
}

function maintainer(): string {
  return /^Maintainer: (.*)$/m.exec(read('scripts/package/control'))?.[1] ?? '';
}

/** What dpkg itself reads: DEBIAN/. */
function controlFiles(files: readonly DebFile[], version: string): DebFile[] {
  const kibibytes = files.reduce((sum, { content }) => sum + Math.ceil(content.length / 1024), 0);
  const control = read('scripts/package/control').replace('@VERSION@', version).replace('@SIZE@', String(kibibytes));
  const sums = files.map(({ path, content }) => `${createHash('md5').update(content).digest('hex')}  ${path}\n`);
  return [
    { path: 'DEBIAN/control', mode: 0o644, content: Buffer.from(control) },
    { path: 'DEBIAN/md5sums', mode: 0o644, content: Buffer.from(sums.join('')) },
    ...['postinst', 'prerm', 'postrm'].map((name) => ({
      path: `DEBIAN/${name}`,
      mode: 0o755,
      content: Buffer.from(read('scripts/package', name)),
    })),
  ];
}

function put({ path, mode, content }: DebFile): void {
  const file = placeFor(path);
  writeFileSync(file, content);
  chmodSync(file, mode);
}

function link(path: string, target: string): void {
  symlinkSync(target, placeFor(path));
}

/** Its place in the tree; each folder above it is 0755, whatever umask says. */
function placeFor(path: string): string {
  let folder = join(work, 'tree');
  for (const name of ['', ...dirname(path).split('/')]) {
    folder = join(folder, name);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
  }
  return join(work, 'tree', path);
}
