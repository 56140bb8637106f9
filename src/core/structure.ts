/** What can be told of a file of the repository without its password (restic's design document, "Keys, Encryption and MAC"). */

/** IV and MAC around every encrypted file, in bytes. */
export const envelope = 32;

/** What a key file must have, and how much memory and time its scrypt parameters may cost. */
const largestScryptMemory = 2 ** 30;

/** What is wrong with the content of a key file; undefined when it looks like one. */
export function keyFault(content: string): string | undefined {
  let key: Record<string, unknown>;
  try {
    key = JSON.parse(content) as Record<string, unknown>;
  } catch {
    return 'not JSON, as every restic key is';
  }
  const { kdf, N, r, p, salt, data } = key;
  if (kdf !== 'scrypt' || typeof salt !== 'string' || typeof data !== 'string') return 'without the fields of a restic key';
  if (!isCount(N) || !isCount(r) || !isCount(p)) return 'without the numbers of a restic key';
  if (128 * N * r > largestScryptMemory || p > 64) return `its scrypt parameters (N=${N}, r=${r}, p=${p}) would exhaust this machine`;
  return undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}
