/** `suspects.jsonl` in the state folder: the suspects of the alarm `mtimes`, so that an operator settles these and no others. */
import { join } from 'node:path';
import * as v from 'valibot';
import type { Books, Entry } from '../audit/books.ts';
import { suspect, suspects } from '../audit/questions.ts';
import { whole } from '../state/schema.ts';
import { replaceLines } from '../state/files.ts';
import { parseJson } from '../state/json-file.ts';
import { eachLine } from '../state/lines.ts';

const head = v.object({ version: v.literal(1), run: v.string() });
const line = v.object({ path: v.string(), size: whole, mtime: v.number() });

/** Notes the suspects of a run: path, size, and the time (seconds) that serverA lists. */
export function writeSuspects(state: string, run: string, books: Books): void {
  replaceLines(fileIn(state), (writer) => {
    writer.line(JSON.stringify({ version: 1, run }));
    for (const entry of books.select(suspects)) {
      writer.line(JSON.stringify({ path: books.path(entry), size: books.size(entry), mtime: books.stamp(entry) }));
    }
  });
}

/** Tonight's suspects that were those of that run, with the same size and the same time; none when they were not noted. */
export function readSuspects(state: string, run: string, books: Books): Entry[] {
  const path = fileIn(state);
  const found: Entry[] = [];
  let isOfRun = false;
  eachLine(path, (bytes, number) => {
    const text = bytes.toString('utf8');
    if (number === 1) isOfRun = parseJson(text, path, head).run === run;
    else if (isOfRun) {
      const { path: name, size, mtime } = parseJson(text, path, line);
      const entry = books.at(name);
      if (entry >= 0 && books.has(entry, suspect) && books.size(entry) === size && books.stamp(entry) === mtime)
        found.push(entry);
    }
  });
  return found;
}

function fileIn(state: string): string {
  return join(state, 'suspects.jsonl');
}
