/** Files of lines: read forwards, read backwards, and cut where a crash left half a line. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

/** How much is read at once, in bytes. */
export const blockLength = 256 * 1024;

/** The lines of a file that are not empty, newest first, read in blocks from its end. */
export function* linesBackwards(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (let end = fstatSync(file).size; end > 0; ) {
      const start = Math.max(0, end - blockLength);
      const block = Buffer.alloc(end - start);
      readSync(file, block, 0, block.length, start);
      rest = Buffer.concat([block, rest]);
      for (let newline = rest.lastIndexOf(10); newline >= 0; newline = rest.lastIndexOf(10)) {
        if (newline + 1 < rest.length) yield rest.subarray(newline + 1);
        rest = rest.subarray(0, newline);
      }
      end = start;
    }
    if (rest.length > 0) yield rest;
  } finally {
    closeSync(file);
  }
}

/** Calls `visit` for each complete line, numbered from 1; returns how many there are, and how many bytes follow the last. */
export function eachLine(path: string, visit: (line: Buffer, number: number) => void): { lines: number; torn: number } {
  const file = openSync(path, 'r');
  try {
    const block = Buffer.allocUnsafe(64 * 1024);
    let rest: Buffer = Buffer.alloc(0);
    let number = 0;
    for (let length = readSync(file, block); length > 0; length = readSync(file, block)) {
      const bytes = Buffer.concat([rest, block.subarray(0, length)]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        visit(bytes.subarray(start, end), ++number);
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
    return { lines: number, torn: rest.length };
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
