/** Finds what is wrong among many with few questions: nothing is asked one by one as long as most are good. */

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
