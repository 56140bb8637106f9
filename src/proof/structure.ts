/** What can be told of a file of the repository without its password (restic's design document, "Keys, Encryption and MAC"). */

/** IV and MAC around every encrypted file, in bytes. */
export const envelope = 32;

/** A key above this is none, in bytes. */
export const largestKey = 1024 * 1024;

/** How many bytes scrypt may write for a key (128 N r, p times): some ten seconds, and restic asks for no more than one. */
const mostScryptWork = 2 ** 30;
/** restic takes no other salt, in bytes. */
const saltLength = 64;

/** restic gives up after so many keys: ours could be lost among more. */
const mostKeys = 20;

/** What is wrong with so many keys; undefined when restic tries them all. */
export function keysFault(count: number): string | undefined {
  return count <= mostKeys
    ? undefined
    : `there would be ${count} keys, and restic tries only ${mostKeys}: it might not find the right one`;
}

/**
 * What is wrong with the content of a key file; undefined when it looks like one. Strict in all that restic reads: a key that
 * it cannot read stops it before it has tried the others (tried with 0.14 and 0.19), whoever has the right one.
 */
export function keyFault(content: string): string | undefined {
  let key: Record<string, unknown> | null;
  try {
    key = JSON.parse(content) as Record<string, unknown> | null;
  } catch {
    return 'not JSON, as every restic key is';
  }
  if (!hasKeyFields(content, key ?? {}))
    return 'with fields that no restic key has, or with one more than once: restic might read another than we do';
  const { N, r, p } = key ?? {};
  if (!hasTexts(key ?? {})) return 'without the fields of a restic key';
  if (!hasPlainNumbers(content) || !isCount(N) || !isCount(r) || !isCount(p) || !isPowerOfTwo(N))
    return 'without the numbers of a restic key';
  if (128 * N * r * p > mostScryptWork)
    return `its scrypt parameters (N=${N}, r=${r}, p=${p}) would exhaust this machine`;
  return undefined;
}

const keyFields = new Set(['created', 'username', 'hostname', 'kdf', 'N', 'r', 'p', 'salt', 'data']);

/** Go takes the last of doubled fields, in whatever case they are written; so each name may be there once, as restic writes it. */
function hasKeyFields(content: string, key: Record<string, unknown>): boolean {
  const written = [...content.matchAll(/"(?:[^"\\]|\\.)*"\s*(:?)/g)].filter(([, colon]) => colon === ':').length;
  return written === Object.keys(key).length && Object.keys(key).every((name) => keyFields.has(name));
}

function hasTexts({ created, username, hostname, kdf, salt, data }: Record<string, unknown>): boolean {
  const hasNames = [username, hostname].every((name) => typeof (name ?? '') === 'string');
  return (
    kdf === 'scrypt' &&
    hasNames &&
    isTime(created ?? anyTime) &&
    bytesOf(salt) === saltLength &&
    bytesOf(data) >= envelope
  );
}

/** scrypt takes no other N. */
function isPowerOfTwo(value: number): boolean {
  return value > 1 && Number.isInteger(Math.log2(value));
}

/** Go reads no 8.0 and no 1e3 as a whole number, which JavaScript does: besides its texts a key has digits only, and at most a null. */
function hasPlainNumbers(content: string): boolean {
  return /^\s*\{(?:[\s:,\d]|null)*\}\s*$/.test(content.replace(/"(?:[^"\\]|\\.)*"/g, ''));
}

/** What the optional time of a key is by default. */
const anyTime = '0001-01-01T00:00:00Z';
const goTime = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Whether Go reads it as a time (RFC 3339). */
function isTime(value: unknown): boolean {
  const [, day] = typeof value === 'string' ? (goTime.exec(value) ?? []) : [];
  const midnight = new Date(`${day ?? ''}T00:00:00Z`);
  return day !== undefined && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

/** How many bytes a text in base64 stands for; -1 when it is none as Go reads it. */
function bytesOf(value: unknown): number {
  if (typeof value !== 'string') return -1;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? bytes.length : -1;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}
