/** A disk that fills up: write(2) takes what fits, and only the next one fails. */
import { execFileSync } from 'node:child_process';

/** While `work` runs, no file of this process grows beyond so many bytes. Node ignores SIGXFSZ, so EFBIG it is. */
export async function withFileLimit<T>(bytes: number, work: () => T | Promise<T>): Promise<T> {
  const limit = (soft: string): void => { execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${soft}:`]); };
  limit(String(bytes));
  try {
    return await work();
  } finally {
    limit('unlimited');
  }
}
