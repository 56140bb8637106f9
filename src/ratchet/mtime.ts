/** Modification times on a file system that may not hold them all: before 1970, after 2038, beyond its own last year. */
import { lstatSync, rmSync, utimesSync, writeFileSync } from 'node:fs';

/** Sets a time in seconds since 1970; a Date, because Node takes a negative number for now. */
export function setMtime(path: string, mtime: number): void {
  const time = new Date(mtime * 1000);
  utimesSync(path, time, time);
}

/** What the file system makes of a time (both in seconds), tried with a file at `probe`, which is deleted again. */
export function keptMtime(probe: string, mtime: number): number {
  writeFileSync(probe, '', { mode: 0o600 });
  try {
    setMtime(probe, mtime);
    return Math.floor(Number(lstatSync(probe, { bigint: true }).mtimeNs) / 1e9);
  } finally {
    rmSync(probe, { force: true });
  }
}
