/** The mail of a run as data: what it says and in which order. letter-text.ts and letter-html.ts make words of it. */
import type { Memory } from '../state/memory.ts';
import { foundIn, type Found } from '../words/found.ts';
import { escapeText } from '../printable.ts';
import { nextSteps, type Step } from '../words/steps.ts';
import { auditLine, headline, isAudited, notDone, roads, verdictOf, withProgram, type Place } from '../words/report.ts';
import { buriedLines, reminderLines, untoldLines } from '../words/deletions.ts';
import { outcomeOf, runExitCode, secondsBetween, type Run } from '../ratchet/run.ts';

/** One part of a mail, under a title. */
export type Block =
  /** `isProse`: a line may end in the middle of a sentence. */
  | { readonly kind: 'lines'; readonly title: string; readonly lines: readonly string[]; readonly isProse?: boolean }
  | { readonly kind: 'steps'; readonly title: string; readonly steps: readonly Step[] }
  | { readonly kind: 'found'; readonly title: string; readonly found: Found };

export interface Letter {
  readonly tone: 'good' | 'warning' | 'bad';
  /** `[ALARM]` */
  readonly verdict: string;
  /** `nightly on serverB` */
  readonly where: string;
  readonly headline: string;
  /** The first screen: what is to be done, and what was not. */
  readonly urgent: readonly Block[];
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly blocks: readonly Block[];
}

const tones = {
  synced: 'good',
  unchanged: 'good',
  warned: 'warning',
  alarm: 'bad',
  failed: 'bad',
  locked: 'warning',
  interrupted: 'warning',
} as const;

/**
 * The mail of a run. `head` is the journal's head hash: kept apart from this machine, it proves the journal whole;
 * `untold` the earlier runs that accepted deletions and did not tell of them.
 */
export function letterOf(run: Run, place: Place, head: string, untold: Memory['untold'] = []): Letter {
  const about = (title: string, words: readonly string[]): Block[] =>
    lines(
      title,
      words.map((line) => withProgram(line, place)),
    );
  const steps = nextSteps(run, place, untold);
  return {
    tone: tones[outcomeOf(run)],
    verdict: verdictOf(run),
    where: `${run.repository} on ${place.host}`,
    headline: headline(run),
    urgent: [
      ...lines('What was not done', notDone(run)),
      ...about('What to do now', run.failure === undefined ? [] : [escapeText(run.failure.hint, 1000)]),
      ...(steps.length === 0 ? [] : [{ kind: 'steps', title: 'Run next', steps } as const]),
    ],
    facts: factsOf(run, place, head),
    blocks: [
      ...about('Deletions that were accepted', buriedLines(run)),
      ...about('Deletions that no mail has told of yet', untoldLines(run, untold)),
      ...about('Files that leave within a week', reminderLines(run)),
      ...foundIn(run).map((found) => ({ kind: 'found', title: found.rule, found }) as const),
      ...roads(run, place).flatMap((road) => lines(`The road back: ${road.rule}`, road.lines, true)),
    ],
  };
}

function lines(title: string, given: readonly string[], isProse = false): Block[] {
  return given.length === 0 ? [] : [{ kind: 'lines', title, lines: given, isProse }];
}

function factsOf(run: Run, place: Place, head: string): Letter['facts'] {
  return [
    ['repository', run.repository],
    ['host', place.host],
    ['run', run.runId],
    ['replica', place.replica],
    ['started', run.startedAt.toISOString()],
    ['seconds', secondsBetween(run.startedAt, run.finishedAt).toFixed(1)],
    ...(isAudited(run) ? [['audit', auditLine(run)] as const] : []),
    ['exit code', String(runExitCode(run))],
    ['journal', head],
  ];
}
