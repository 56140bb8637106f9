/** A report that was kept of an earlier run, judged as if rsync printed it now. */
import { Failure } from '../errors.ts';
import { eachBlock } from '../state/lines.ts';
import { isIoError, notUnderstoodFailure } from './dry-run.ts';
import { Flood } from './tally.ts';
import { lineJudge, Lines, NotUnderstood, type Judge } from './itemize.ts';

/** How the lines of rsync's report begin: with what the run that asked for it made up (itemize.ts). */
const prefixForm = /^[0-9a-f]{24} /;

/** A line that our rsync prints without it, before it is known. */
const unprefixed = ' ';

/** Judges each line of a report. How it is none, or not a whole one, is a value; what `judge` throws comes through. */
export function judgeReport(path: string, judge: Judge): Failure | undefined {
  let judgeLine: ReturnType<typeof lineJudge> | undefined;
  const seen = { ioError: false, any: false };
  const lines = new Lines((bytes, start, end) => {
    seen.any = true;
    if (isIoError(bytes, start, end)) seen.ioError = true;
    else {
      // rsync names what is no file as soon as it sees it, often before the first line that serverA has echoed.
      const prefix = judgeLine === undefined ? prefixForm.exec(bytes.toString('latin1', start, end))?.[0] : undefined;
      if (prefix !== undefined) judgeLine = lineJudge(judge, prefix);
      (judgeLine ?? lineJudge(judge, unprefixed))(bytes, start, end);
    }
  });
  try {
    eachBlock(path, (block) => {
      lines.push(Buffer.from(block));
    });
    lines.end();
    if (!seen.any) throw new NotUnderstood('it is empty');
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
