/** The one hash that this program uses, of what is in memory. A file of any size: file-hash.ts. */
import { createHash } from 'node:crypto';

/** SHA-256, hexadecimal. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
