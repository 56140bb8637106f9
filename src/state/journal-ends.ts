/** The two ends of a file of the journal. */
import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { type JournalLine, parseJournalLine } from './chain.ts';
import { blockLength, linesBackwards } from './lines.ts';
import { openForReading } from './read-file.ts';

/** The last line of a file. */
export interface Last {
  readonly line: JournalLine | undefined;
  readonly hash: string;
}

/** The last line of a file; undefined when there is no file, or no line in it. */
export function lastOf(path: string): Last | undefined {
  for (const bytes of linesBackwards(path))
    return { line: parseJournalLine(bytes.toString('utf8')), hash: hashOf(bytes) };
  return undefined;
}

/** The first line of a file as data; undefined when it is none of a journal. */
export function firstLine(path: string): JournalLine | undefined {
  const file = openForReading(path);
  if (file === undefined) return undefined;
  try {
    const block = Buffer.alloc(blockLength);
    const text = block.toString('utf8', 0, readSync(file, block));
    return parseJournalLine(text.slice(0, Math.max(0, text.indexOf('\n'))));
  } finally {
    closeSync(file);
  }
}

/** SHA-256, hexadecimal. */
export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
