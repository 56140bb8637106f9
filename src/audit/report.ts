/** A report that was kept of an earlier run, judged as if rsync printed it now. */
import { Failure } from '../errors.ts';
import { eachLine } from '../state/lines.ts';
import { isIoError, notUnderstoodFailure } from './dry-run.ts';
import { Flood } from './tally.ts';
import { lineJudge, longestLine, NotUnderstood, type Judge } from './itemize.ts';

/** How the lines of rsync's report begin: with what the run that asked for it made up (itemize.ts). */
const prefixForm = /^[0-9a-f]{24} /;

/** A line that our rsync prints without it, before it is known. */
const unprefixed = ' ';

/** Judges each line of a report. How it is none, or not a whole one, is a value; what `judge` throws comes through. */
export function judgeReport(path: string, judge: Judge): Failure | undefined {
  let judgeLine: ReturnType<typeof lineJudge> | undefined;
  const seen = { ioError: false };
  try {
    const { lines, torn } = eachLine(path, (line) => {
      if (isIoError(line, 0, line.length)) seen.ioError = true;
      else {
        // rsync names what is no file as soon as it sees it, often before the first line that serverA has echoed.
        const prefix =
          judgeLine === undefined ? prefixForm.exec(line.toString('latin1', 0, longestLine))?.[0] : undefined;
        if (prefix !== undefined) judgeLine = lineJudge(judge, prefix);
        (judgeLine ?? lineJudge(judge, unprefixed))(line, 0, line.length);
      }
    });
    if (lines === 0 || torn > 0) throw new NotUnderstood(lines === 0 ? 'it is empty' : 'its last line is cut short');
  } catch (error) {
    if (error instanceof NotUnderstood) return notUnderstoodFailure(error);
    if (error instanceof Flood) return error;
    throw error;
  }
  return seen.ioError ? unreadable(path) : undefined;
}

function unreadable(path: string): Failure {
  return new Failure(
    `${path} is the report of a pass that failed: serverA could not read part of the repository then`,
    'what it does not name says nothing; what it names has been judged',
  );
}
