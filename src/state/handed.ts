/** A configuration that root has read and hands to the process that goes on as the owner, who may not be able to read it. */
import { readFileSync } from 'node:fs';

/** Where the configuration lies, absolute, and what is written there. */
export interface Handed {
  readonly path: string;
  readonly text: string;
}

/** The variable that names the path, and the descriptor that holds the text. */
export const handedPath = 'RSYNC_RATCHET_HANDED';
export const handedText = 3;

/** The command of such a process that writes a line of the journal, which it reads on its stdin; nobody types it. */
export const noteCommand = 'note-give-back';

/** The path of what was handed to us; undefined when nothing was. Root is handed nothing, whatever his environment says. */
export function pathHanded(): string | undefined {
  return process.getuid?.() === 0 ? undefined : process.env[handedPath];
}

let bytes: Buffer | undefined;

/** The text of it: a pipe, so it can be read once. */
export function bytesHanded(): Buffer {
  bytes ??= readFileSync(handedText);
  return bytes;
}
