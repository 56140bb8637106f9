/** Makes a tree that is given as values, on disk. */
import { closeSync, ftruncateSync, lutimesSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { someSeconds } from './itemized.ts';
import { joinBytes } from './temporary.ts';
import type { Tree } from './trees.ts';

/** Specials become symlinks; files are zeros of their size; all have their times, the root too. */
export function makeTree(root: string, tree: Tree): void {
  const place = (path: string): Buffer => (path === '.' ? Buffer.from(root) : joinBytes(Buffer.from(root), Buffer.from(path, 'latin1')));
  const whole: Tree = { '.': { type: 'folder', size: 0, mtime: someSeconds }, ...tree };
  const entries = Object.entries(whole);
  entries.sort(([one], [other]) => (one === '.' ? -1 : other === '.' ? 1 : one.split('/').length - other.split('/').length));
  for (const [path, { type, size }] of entries) {
    if (type === 'folder') mkdirSync(place(path), { mode: 0o700 });
    else if (type === 'special') symlinkSync('x'.repeat(size), place(path));
    else makeFile(place(path), size);
  }
  for (const [path, { mtime }] of entries.reverse()) lutimesSync(place(path), mtime, mtime);
}

function makeFile(path: Buffer, size: number): void {
  const file = openSync(path, 'wx', 0o600);
  ftruncateSync(file, size);
  closeSync(file);
}
