/** The private folder of a run. */
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { writeNames } from '../state/files.ts';
import { pipesFolder } from './channel.ts';
import { unmount } from './sshfs.ts';

/** Sockets above about 85 characters fail (sun_path is 108 bytes, ssh adds a random suffix while it binds). */
const longestSocketPath = 85;

/** A private folder for one run: the control socket and the empty HOME of rsync. Its path is short, without blanks. */
export function makeRunFolder(fits: (place: string) => boolean = () => true): string {
  const usual = tmpdir();
  const isShort = /^[\w./-]+$/.test(usual) && usual.length + '/rsync-ratchet-XXXXXX/ssh'.length < longestSocketPath;
  const suits = isShort && fits(usual);
  const folder = mkdtempSync(join(suits ? usual : '/tmp', runFolderPrefix));
  chmodSync(folder, 0o700);
  for (const name of ['home', pipesFolder]) mkdirSync(join(folder, name), { mode: 0o700 });
  return folder;
}

/** In a run folder that is open to others: for the pipes of a second way. */
export const secondPipes = join(pipesFolder, 'second');

/** The same, through which another user may pass to what he is to read there: a program of ours runs as him. Root's own TMPDIR may be closed to him. */
export function makeOpenRunFolder(): string {
  const folder = makeRunFolder((place) => process.geteuid?.() !== 0 || mayAllPass(realpathSync(place)));
  mkdirSync(join(folder, secondPipes), { mode: 0o700 });
  chmodSync(folder, 0o711);
  chmodSync(join(folder, 'home'), 0o755);
  return folder;
}

const mayAllPass = (folder: string): boolean =>
  (statSync(folder).mode & 0o001) !== 0 && (folder === '/' || mayAllPass(dirname(folder)));

/** Writes a small file into a private folder of ours, and nowhere else; its path. */
export function putIntoRunFolder(folder: string, name: string, content: string): string {
  if (!basename(folder).startsWith(runFolderPrefix) || basename(name) !== name)
    throw new Error(`${join(folder, name)} is in no run folder`);
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o644 }); // a group that could write a configuration would be refused, and an ordinary user's umask gives it that
  return path;
}

/** Writes names into a run folder that is open to others, as rsync's `--from0` takes them; the file's path. */
export function putNames(folder: string, names: Iterable<string>): string {
  const path = join(folder, 'names');
  writeNames(path, names);
  chmodSync(path, 0o644);
  return path;
}

/** Unmounts and removes the run folder that a killed run noted in the lock file; anything else is left alone. */
export function removeRunFolder(path: string): void {
  if (!basename(path).startsWith(runFolderPrefix)) return;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true || stats.uid !== process.getuid?.()) return;
  unmount(join(path, 'mount'));
  rmSync(path, { recursive: true, force: true });
}

/** How the names of run folders begin. */
const runFolderPrefix = 'rsync-ratchet-';
