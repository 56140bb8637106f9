/** What can be told of a file of the repository without its password (restic's design document, "Keys, Encryption and MAC"). */

/** IV and MAC around every encrypted file, in bytes. */
export const envelope = 32;

/** A key above this is none, in bytes. */
export const largestKey = 1024 * 1024;

/** How much memory a key's scrypt parameters may cost, in bytes. */
const largestScryptMemory = 2 ** 30;

/** restic gives up after so many keys: ours could be lost among more. */
const mostKeys = 20;

/** What is wrong with so many keys; undefined when restic tries them all. */
export function keysFault(count: number): string | undefined {
  return count <= mostKeys ? undefined : `there would be ${count} keys, and restic tries only ${mostKeys}: it might not find the right one`;
}

/** What is wrong with the content of a key file; undefined when it looks like one. */
export function keyFault(content: string): string | undefined {
  let key: Record<string, unknown> | null;
  try {
    key = JSON.parse(content) as Record<string, unknown> | null;
  } catch {
    return 'not JSON, as every restic key is';
  }
  if (!hasKeyFields(content, key ?? {})) return 'with fields that no restic key has, or with one more than once: restic might read another than we do';
  const { kdf, N, r, p, salt, data } = key ?? {};
  if (kdf !== 'scrypt' || typeof salt !== 'string' || typeof data !== 'string') return 'without the fields of a restic key';
  if (!isCount(N) || !isCount(r) || !isCount(p)) return 'without the numbers of a restic key';
  if (128 * N * r > largestScryptMemory || p > 64) return `its scrypt parameters (N=${N}, r=${r}, p=${p}) would exhaust this machine`;
  return undefined;
}

const keyFields = new Set(['created', 'username', 'hostname', 'kdf', 'N', 'r', 'p', 'salt', 'data']);

/** Go takes the last of doubled fields, in whatever case they are written; so each name may be there once, as restic writes it. */
function hasKeyFields(content: string, key: Record<string, unknown>): boolean {
  const written = [...content.matchAll(/"(?:[^"\\]|\\.)*"\s*(:?)/g)].filter(([, colon]) => colon === ':').length;
  return written === Object.keys(key).length && Object.keys(key).every((name) => keyFields.has(name));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}
