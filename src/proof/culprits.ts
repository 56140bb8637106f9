/** Finds what is wrong among many with few questions: nothing is asked one by one as long as most are good. */
import { OutOfTime } from '../programs/restic-failures.ts';
import { mostCulprits } from './proof.ts';

/**
 * Those of `items` that fail by themselves, one after another as they are found. `fails` is asked about some of them at
 * once. Good ones cost a logarithm of their number, culprits that lie together one question each.
 */
export async function* culprits<T>(
  items: readonly T[],
  fails: (some: readonly T[]) => Promise<boolean>,
): AsyncGenerator<T> {
  let [from, size] = [0, 1];
  while (from < items.length) {
    const some = items.slice(from, from + size);
    if (!(await fails(some))) {
      from += some.length;
      size *= 2;
    } else if (some.length > 1) {
      size = Math.ceil(some.length / 2);
    } else {
      yield some[0] as T;
      from += 1;
    }
  }
}

/** The first of them; what was found stays found when the time is over. */
export async function first<T>(found: AsyncIterable<T>): Promise<T[]> {
  const some: T[] = [];
  try {
    for await (const one of found) if (some.push(one) >= mostCulprits) break;
  } catch (error) {
    if (some.length === 0 || !(error instanceof OutOfTime)) throw error;
  }
  return some;
}
