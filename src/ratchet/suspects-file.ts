/** `suspects.jsonl` in the state folder: the suspects of the alarm `mtimes`, so that an operator settles these and no others. */
import { suspects } from '../audit/questions.ts';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Books, Entry } from '../audit/books.ts';
import { suspect } from '../audit/flags.ts';
import { whole } from '../state/schema.ts';
import { replaceLines } from '../state/files.ts';
import { parseJson } from '../state/json-file.ts';
import { readText } from '../state/read-file.ts';

const head = v.object({ version: v.literal(1), run: v.string() });
const line = v.object({ path: v.string(), size: whole, mtime: v.number() });

/** Notes the suspects of a run: path, size, and the time (seconds) that serverA lists. */
export function writeSuspects(state: string, run: string, books: Books): void {
  replaceLines(fileIn(state), (writer) => {
    writer.line(JSON.stringify({ version: 1, run }));
    books.each(...suspects, (entry) => {
      writer.line(JSON.stringify({ path: books.path(entry), size: books.size(entry), mtime: books.stamp(entry) }));
    });
  });
}

/** Tonight's suspects that were those of that run, with the same size and the same time; none when they were not noted. */
export function readSuspects(state: string, run: string, books: Books): Entry[] {
  const path = fileIn(state);
  const [first, ...lines] = (readText(path) ?? '').split('\n').slice(0, -1);
  if (first === undefined || parseJson(first, path, head).run !== run) return [];
  return lines
    .map((text) => parseJson(text, path, line))
    .flatMap(({ path: name, size, mtime }) => {
      const entry = books.at(name);
      return entry >= 0 && books.has(entry, suspect) && books.size(entry) === size && books.stamp(entry) === mtime
        ? [entry]
        : [];
    });
}

function fileIn(state: string): string {
  return join(state, 'suspects.jsonl');
}
