/** A report that was kept of an earlier run, judged as if rsync printed it now. */
import { Failure } from '../errors.ts';
import { eachBlock } from '../state/lines.ts';
import { notUnderstoodFailure, reportReader } from './dry-run.ts';
import { Flood } from './tally.ts';
import { lineJudge, NotUnderstood, type Judge } from './itemize.ts';

/** Judges each line of a report. How it is none, or not a whole one, is a value; what `judge` throws comes through. */
export function judgeReport(path: string, judge: Judge): Failure | undefined {
  const { seen, lines } = reportReader(judgeByItsPrefix(judge));
  try {
    eachBlock(path, (block) => lines.push(Buffer.from(block)));
    lines.end();
    if (!seen.any && !seen.ioError) throw new NotUnderstood('it is empty');
  } catch (error) {
    if (error instanceof NotUnderstood) return notUnderstoodFailure(error);
    if (error instanceof Flood) return error;
    throw error;
  }
  return seen.ioError ? unreadable(path) : undefined;
}

/** How the lines of rsync's report begin: with what the run that asked for it made up (itemize.ts). */
const prefixForm = /^[0-9a-f]{24} /;

/** No line begins with it: what rsync prints before the first line with a prefix has none. */
const noPrefix = '\n';

/** rsync names what is no file as soon as it sees it, often before the first line that serverA has echoed. */
function judgeByItsPrefix(judge: Judge): ReturnType<typeof lineJudge> {
  let judgeLine: ReturnType<typeof lineJudge> | undefined;
  return (bytes, start, end) => {
    const prefix = judgeLine === undefined ? prefixForm.exec(bytes.toString('latin1', start, end))?.[0] : undefined;
    if (prefix !== undefined) judgeLine = lineJudge(judge, prefix);
    (judgeLine ?? lineJudge(judge, noPrefix))(bytes, start, end);
  };
}

function unreadable(path: string): Failure {
  return new Failure(
    `${path} is the report of a pass that failed: serverA could not read part of the repository then`,
    'what it does not name says nothing; what it names has been judged',
  );
}
