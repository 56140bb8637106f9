/** Files of lines: read forwards, read backwards, appended to, and cut where a crash left half a line. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { LineWriter, requireOutside, shareWithGroup } from './files.ts';
import { openForReading } from './read-file.ts';

/** How much is read at once, in bytes. */
const blockLength = 256 * 1024;

/** The lines of a file that are not empty, newest first, read in blocks from its end. */
export function* linesBackwards(path: string): Generator<Buffer> {
  const file = openForReading(path);
  if (file === undefined) return;
  try {
    const rest: Buffer[] = []; // of a line that begins further ahead; joined once, however long it is
    for (let { block } of blocksBackwards(file, fstatSync(file).size)) {
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

/** Calls `visit` with what a file holds, block by block, which it must not keep; with nothing when there is no file. */
export function eachBlock(path: string, visit: (block: Buffer) => void): void {
  const file = openForReading(path);
  if (file === undefined) return;
  try {
    const block = Buffer.allocUnsafe(64 * 1024);
    for (let length = readSync(file, block); length > 0; length = readSync(file, block))
      visit(block.subarray(0, length));
  } finally {
    closeSync(file);
  }
}

/** Calls `visit` for each complete line, which it must not keep, numbered from 1; returns how many there are, and how many bytes follow the last. */
export function eachLine(path: string, visit: (line: Buffer, number: number) => void): { lines: number; torn: number } {
  const rest: Buffer[] = [];
  let number = 0;
  eachBlock(path, (block) => {
    let start = 0;
    for (let end = block.indexOf(10); end >= 0; end = block.indexOf(10, start)) {
      const piece = block.subarray(start, end);
      visit(rest.length === 0 ? piece : Buffer.concat([...rest.splice(0), piece]), ++number);
      start = end + 1;
    }
    if (start < block.length) rest.push(Buffer.from(block.subarray(start)));
  });
  return { lines: number, torn: rest.reduce((sum, { length }) => sum + length, 0) };
}

/** The blocks of an open file, the last first, and where each begins. */
function* blocksBackwards(file: number, size: number): Generator<{ block: Buffer; start: number }> {
  for (let start = size; start > 0;) {
    const block = Buffer.alloc(Math.min(start, blockLength));
    start -= block.length;
    readSync(file, block, 0, block.length, start);
    yield { block, start };
  }
}

/** The first line of a file as text; '' when there is no file, or it has no whole line at its beginning. */
export function firstLineOf(path: string): string {
  const file = openForReading(path);
  if (file === undefined) return '';
  try {
    const block = Buffer.alloc(blockLength);
    const text = block.toString('utf8', 0, readSync(file, block));
    return text.slice(0, Math.max(0, text.indexOf('\n')));
  } finally {
    closeSync(file);
  }
}

/** Appends lines to a file, which is made where there is none, durable when this returns; a last line that a crash left half-way goes. */
export function appendLines(path: string, lines: Iterable<string>): void {
  requireOutside(path);
  const file = openSync(path, 'a+', 0o600);
  try {
    shareWithGroup(file, dirname(path));
    cutTornLine(file);
    const writer = new LineWriter(file);
    for (const line of lines) writer.line(line);
    writer.flush();
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Drops a last line without a newline, which a crash left; returns how many bytes that were. */
export function cutTornLine(file: number): number {
  const { size } = fstatSync(file);
  const end = endOfLines(file, size);
  if (end < size) ftruncateSync(file, end);
  return size - end;
}

/** Where the last newline ends, looking back block by block; 0 without any. */
function endOfLines(file: number, size: number): number {
  for (const { block, start } of blocksBackwards(file, size)) {
    const newline = block.lastIndexOf(10);
    if (newline >= 0) return start + newline + 1;
  }
  return 0;
}
