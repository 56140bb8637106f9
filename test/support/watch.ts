/** Waiting for what can be seen, instead of sleeping. */
import { setTimeout as pause } from 'node:timers/promises';
import { watch } from 'node:fs';

/**
 * Resolves with the first truthy answer of `look`, which is asked now and after every change of the entries of
 * `folder` (or of the file `folder`, which must exist). Rejects after `timeout` ms, which is there only so that a
 * broken test ends.
 */
export function watchFor<T>(folder: string, look: () => T | undefined | false, timeout = 120_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const watcher = watch(folder);
    const timer = setTimeout(() => {
      watcher.close();
      reject(new Error(`waited ${timeout} ms in vain at ${folder}`));
    }, timeout);
    const ask = (): void => {
      try {
        const answer = look();
        if (answer === undefined || answer === false) return;
        resolve(answer);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      clearTimeout(timer);
      watcher.close();
    };
    watcher.on('change', ask);
    watcher.on('error', reject);
    ask();
  });
}

/** The same for what no single folder tells of: looks again every moment. */
export async function pollFor<T>(look: () => T | undefined | false, timeout = 120_000): Promise<T> {
  for (const until = performance.now() + timeout; performance.now() < until;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await pause(10);
  }
  throw new Error(`waited ${timeout} ms in vain`);
}
