/** Files in `fixtures/itemize`: rsync's reports of the three passes of one night, byte for byte. */
import { passes, type Pass } from '../../src/layout.ts';

/** `a-longer-pack.3.5.0.txt`. */
export function recordingName(night: string, version: string): string {
  return `${night.replaceAll(' ', '-')}.${version}.txt`;
}

/** Stands before each pass; no line of rsync's begins like that. */
export const separator = (pass: Pass): string => `=== pass ${pass}\n`;

/** The three reports of a recording, as latin1. */
export function reportsOf(recording: string): Record<Pass, string> {
  const starts = passes.map((pass) => recording.indexOf(separator(pass)));
  const [one, two, three] = starts.map((start, n) => {
    if (start < 0) throw new Error('not a recording of three passes');
    return recording.slice(start + separator(1).length, starts[n + 1]);
  });
  return { 1: one ?? '', 2: two ?? '', 3: three ?? '' };
}
