/** B6: a million lines of a dry run through the real parser, judge and accounting, beside grep with the same expression. */
import { inReplica } from '../../src/audit/questions.ts';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Audit } from '../../src/audit/audit.ts';
import { lineJudge, Lines } from '../../src/audit/itemize.ts';
import { Books } from '../../src/audit/books.ts';

const nonce = '0123456789abcdef';
const size = 16_777_216;
const mtime = Date.UTC(2026, 10, 23, 1, 27, 44) / 1000;
const idOf = (n: number): string => createHash('sha256').update(String(n)).digest('hex');

/** Seconds of both, in turn. */
export async function judgeBench(folder: string, count: number, runs: number): Promise<{ ours: number; grep: number }[]> {
  const file = join(folder, 'dry-run.txt');
  writeLines(file, count);
  const measured: { ours: number; grep: number }[] = [];
  for (let k = 0; k < runs; k++) measured.push({ ours: judge(file, count), grep: grep(file) });
  return measured;
}

/** Writes a dry run of so many unchanged packs. */
export function writeLines(file: string, count: number): void {
  const out = openSync(file, 'w');
  for (let n = 0, text = ''; n < count; n++) {
    const id = idOf(n);
    text += `${nonce} .f         |${size}|2026/11/23-01:27:44|data/${id.slice(0, 2)}/${id}\n`;
    if (text.length > 1 << 20 || n === count - 1) text = (writeSync(out, text), '');
  }
  closeSync(out);
}

/** Everything is in the books already; what counts is reading, parsing, judging and accounting. Seconds. */
export function judge(file: string, count: number): number {
  const books = new Books();
  readLines(file, (bytes, _, end) => { books.set(books.enter('pack', bytes.toString('latin1', end - 64, end), size, mtime), inReplica); });
  const audit = new Audit({ books, others: new Map() }, { initialising: false, window: undefined }, () => true);
  const startedAt = performance.now();
  audit.begin(3);
  readLines(file, lineJudge(audit, `${nonce} `));
  const seconds = (performance.now() - startedAt) / 1000;
  if (audit.verdict({}).counts.unchanged !== count) throw new Error('not all lines were judged');
  return seconds;
}

function grep(file: string): number {
  const form = `^${nonce} [<>ch.][fdLDS][^|]{9}\\|[0-9]+\\|[0-9]{4}/[0-9]{2}/[0-9]{2}-[0-9:]{8}\\|data/[0-9a-f]{2}/[0-9a-f]{64}$`;
  const startedAt = performance.now();
  const { stdout } = spawnSync('grep', ['-cvE', form, file], { env: { LC_ALL: 'C', PATH: process.env['PATH'] }, encoding: 'utf8' });
  if (stdout.trim() !== '0') throw new Error(`grep did not match ${stdout}`);
  return (performance.now() - startedAt) / 1000;
}

function readLines(file: string, line: (bytes: Buffer, start: number, end: number) => void): void {
  const lines = new Lines(line);
  const input = openSync(file, 'r');
  for (let chunk = next(input); chunk.length > 0; chunk = next(input)) lines.push(chunk);
  closeSync(input);
  lines.end();
}

/** A chunk as a pipe would give it. */
function next(input: number): Buffer {
  const buffer = Buffer.allocUnsafe(1 << 16);
  return buffer.subarray(0, readSync(input, buffer));
}
