/** Files of lines: read forwards, read backwards, and cut where a crash left half a line. */
import { closeSync, fstatSync, ftruncateSync, readSync } from 'node:fs';
import { openForReading } from './read-file.ts';

/** How much is read at once, in bytes. */
export const blockLength = 256 * 1024;

/** The lines of a file that are not empty, newest first, read in blocks from its end. */
export function* linesBackwards(path: string): Generator<Buffer> {
  const file = openForReading(path);
  if (file === undefined) return;
  try {
    const rest: Buffer[] = []; // of a line that begins further ahead; joined once, however long it is
    for (let end = fstatSync(file).size; end > 0;) {
      let block = Buffer.alloc(Math.min(end, blockLength));
      readSync(file, block, 0, block.length, (end -= block.length));
      for (let newline = block.lastIndexOf(10); newline >= 0; newline = block.lastIndexOf(10)) {
        const line = Buffer.concat([block.subarray(newline + 1), ...rest.splice(0)]);
        if (line.length > 0) yield line;
        block = block.subarray(0, newline);
      }
      rest.unshift(block);
    }
    const first = Buffer.concat(rest);
    if (first.length > 0) yield first;
  } finally {
    closeSync(file);
  }
}

/** Calls `visit` for each complete line, which it must not keep, numbered from 1; returns how many there are, and how many bytes follow the last. */
export function eachLine(path: string, visit: (line: Buffer, number: number) => void): { lines: number; torn: number } {
  const file = openForReading(path);
  if (file === undefined) return { lines: 0, torn: 0 };
  try {
    const block = Buffer.allocUnsafe(64 * 1024);
    const rest: Buffer[] = [];
    let number = 0;
    for (let length = readSync(file, block); length > 0; length = readSync(file, block)) {
      let start = 0;
      for (let end = block.indexOf(10); end >= 0 && end < length; end = block.indexOf(10, start)) {
        const piece = block.subarray(start, end);
        visit(rest.length === 0 ? piece : Buffer.concat([...rest.splice(0), piece]), ++number);
        start = end + 1;
      }
      if (start < length) rest.push(Buffer.from(block.subarray(start, length)));
    }
    return { lines: number, torn: rest.reduce((sum, { length }) => sum + length, 0) };
  } finally {
    closeSync(file);
  }
}

/** How much of a log's end is read to find its last lines, in bytes. */
const tailLength = 1024 * 1024;

/** Up to a megabyte before `end` of an open log file, as bytes, one per character. */
function readTail(file: number, end: number): string {
  const bytes = Buffer.alloc(Math.min(end, tailLength));
  readSync(file, bytes, 0, bytes.length, end - bytes.length);
  return bytes.toString('latin1');
}

/** Drops a last line without a newline, which a crash left; returns how many bytes that were. */
export function cutTornLine(file: number): number {
  const { size } = fstatSync(file);
  const end = endOfLines(file, size);
  if (end < size) ftruncateSync(file, end);
  return size - end;
}

/** Where the last newline ends, looking back piece by piece; 0 without any. */
function endOfLines(file: number, size: number): number {
  for (let to = size; to > 0; to -= tailLength) {
    const newline = readTail(file, to).lastIndexOf('\n');
    if (newline >= 0) return Math.max(0, to - tailLength) + newline + 1;
  }
  return 0;
}
