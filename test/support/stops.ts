/** A restic that stops before each check without data, so that something can happen between any two steps of a run. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { temporaryFolder } from './temporary.ts';

/** The path of the wrapper; `token` tells its processes from all others. The box has no file to wait at, so a process of its own is stopped. */
export function wrapperThatStops(token: string): string {
  const path = join(temporaryFolder(), 'restic');
  const stop = `case "$*" in *read-data*|*--version*) ;; *" check"*) sh -c 'kill -STOP $$ # ${token}' ;; esac`;
  writeFileSync(path, `#!/bin/sh\n${stop}\nexec restic "$@"\n`, { mode: 0o755 });
  return path;
}

/** Calls `act` for the nth stop, then lets restic go on; the function that is returned ends the watching. */
export function watchStops(token: string, act: (n: number) => Promise<void>): () => Promise<void> {
  const over = new AbortController();
  const watching = watch(token, act, over.signal);
  return async () => {
    over.abort();
    await watching;
  };
}

async function watch(token: string, act: (n: number) => Promise<void>, over: AbortSignal): Promise<void> {
  let n = 0;
  while (!over.aborted) {
    for (const pid of stopped(token)) {
      await act(++n);
      process.kill(pid, 'SIGCONT');
    }
    await pause(20);
  }
}

function stopped(token: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`sh\0-c\0kill -STOP $$ # ${token}`) && /^\d+ \(.*\) T/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false; // it has ended
    }
  });
}
