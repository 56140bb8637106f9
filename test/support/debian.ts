/** The Debian package, and fresh Debians to try it in (scripts/fresh-root). */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ending, temporaryFolder } from './temporary.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Makes the package in a new folder; its path. `env` is added to ours. */
export function builtDeb(t?: Ending, env: Readonly<Record<string, string>> = {}, sources = root): string {
  const argv = ['--import', 'tsx', join(sources, 'scripts/deb.ts'), temporaryFolder(t)];
  return execFileSync(process.execPath, argv, { encoding: 'utf8', cwd: sources, env: { ...process.env, ...env } }).trim();
}

/** A package with other words in its control file, as an earlier version of it would be. */
export function remade(t: Ending, deb: string, change: (control: string) => string): string {
  const folder = temporaryFolder(t);
  execFileSync('dpkg-deb', ['--raw-extract', deb, join(folder, 'tree')]);
  const control = join(folder, 'tree/DEBIAN/control');
  writeFileSync(control, change(readFileSync(control, 'utf8')));
  return packed(folder);
}

/** A package `nodejs` with the Node 20 that npm's registry has for this machine: it needs nothing of a Debian but libc and libstdc++. */
export function newerNode(t: Ending): string {
  const folder = temporaryFolder(t);
  const wish = `node-linux-${process.arch}@20`;
  execFileSync('npm', ['pack', wish, '--silent', '--pack-destination', folder], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const [archive = ''] = readdirSync(folder);
  execFileSync('tar', ['-xzf', archive], { cwd: folder });
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  cpSync(join(folder, 'package/bin/node'), join(tree, 'usr/bin/node'));
  const { version } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8')) as { version: string };
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
  mkdirSync(join(tree, 'DEBIAN'));
  const lines = ['Package: nodejs', `Version: ${version}`, `Architecture: ${architecture}`, 'Maintainer: nobody <nobody@localhost>', 'Depends: libc6, libstdc++6', 'Description: a newer Node'];
  writeFileSync(join(tree, 'DEBIAN/control'), `${lines.join('\n')}\n`);
  return packed(folder);
}

function packed(folder: string): string {
  const deb = join(folder, 'made.deb');
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', join(folder, 'tree'), deb], { stdio: 'ignore' });
  return deb;
}

/** How a command in it ended, and all that it said. */
export interface Said {
  readonly code: number | null;
  readonly text: string;
}

/** A fresh Debian; what commands change in it is there for the next. */
export interface Debian {
  /** Where a path of it lies on this machine, once a command has changed it or something was put there. */
  at(path: string): string;
  /** A shell script, ended by the first command that fails. */
  run(script: string): Said;
  /** The same, which must end well; what it said. */
  must(script: string): string;
  /** Puts a copy of a file of this machine there; its path inside. */
  bring(file: string, path: string): string;
}

/** Such a system of that release; only root can make one. */
export function freshDebian(t: Ending, suite: 'bookworm' | 'trixie'): Debian {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const at = (path: string): string => join(folder, 'changed', path);
  const run = (script: string): Said => {
    const { status, stdout, stderr } = spawnSync(join(root, 'scripts/fresh-root'), [suite, folder, 'sh', '-ec', `exec 2>&1\n${script}`], { encoding: 'utf8', maxBuffer: 1 << 28 });
    return { code: status, text: stdout + stderr };
  };
  return {
    at, run,
    must: (script) => {
      const { code, text } = run(script);
      if (code !== 0) throw new Error(`exit ${code}: ${script}\n${text}`);
      return text;
    },
    bring: (file, path) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      cpSync(file, at(path));
      return path;
    },
  };
}
