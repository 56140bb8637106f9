/** Mails: what is sent about a run, and the one that `alert test` sends. */
import type { Memory } from '../state/memory.ts';
import type { About } from './channel.ts';
import { isCapped } from '../words/found.ts';
import { letterHtml } from './letter-html.ts';
import { letterOf, type Letter } from './letter.ts';
import { letterText } from './letter-text.ts';
import { subject, type Place } from '../words/report.ts';
import { messageIdOf, outcomeOf, runExitCode, runIdOf, type Run } from '../ratchet/run.ts';

/** A mail to be sent. Header values are printable ASCII, but for what the configuration says. */
export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly { readonly filename: string; readonly content: string }[];
  /** Without brackets; unique to the run. */
  readonly messageId: string;
  /** The mail that began the thread, without brackets. */
  readonly references: string | undefined;
  /** Undefined in the spool of a version that did not keep it. */
  readonly about: About | undefined;
}

/** The longest subject; the whole sentence is the first line of the mail. */
const longestSubject = 160;
/** An attachment grows no further than this, in characters. */
const longestAttachment = 1024 * 1024;

/** The mail of a run, see letterOf. */
export function mailOf(run: Run, place: Place, head: string, untold: Memory['untold'] = []): Mail {
  const letter = letterOf(run, place, head, untold);
  const messageId = messageIdOf(run, place.host);
  const thread = run.alarm?.messageId;
  const title = subject(run, place.host);
  return {
    subject: title.length > longestSubject ? `${title.slice(0, longestSubject - 3)}...` : title,
    text: letterText(letter),
    html: letterHtml(letter),
    messageId,
    attachments: isCapped(run) ? [{ filename: 'findings.jsonl', content: findingLines(run) }] : [],
    references: thread === messageId ? undefined : thread,
    about: aboutOf(run, place.host),
  };
}

function aboutOf(run: Run, host: string): About {
  const outcome = outcomeOf(run);
  const severity =
    outcome === 'alarm' ? 'critical' : outcome === 'failed' ? 'error' : outcome === 'warned' ? 'warning' : 'info';
  const rules = (['violation', 'warning'] as const).flatMap((severity) =>
    run.findings.rules(severity).map(({ rule, count }) => ({ rule, severity, count })),
  );
  return { severity, outcome, exitCode: runExitCode(run), host, rules };
}

/** Every finding that was kept, one JSON object a line; the last line says how many are missing, if any. */
function findingLines(run: Run): string {
  const kept = run.findings.kept.map((finding) => `${JSON.stringify(finding)}\n`);
  let length = 0;
  const fitting = kept.filter((line) => (length += line.length) <= longestAttachment);
  const omitted = run.findings.omitted + kept.length - fitting.length;
  return `${fitting.join('')}${omitted > 0 ? `${JSON.stringify({ omitted })}\n` : ''}`;
}

/** What `alert test` sends. `random`: four hexadecimal digits. */
export function testMail(now: Date, random: string, host: string): Mail {
  const id = runIdOf(now, random);
  const letter: Letter = {
    tone: 'good',
    verdict: '[TEST]',
    where: `rsync-ratchet on ${host}`,
    headline: 'this is how an alert arrives',
    urgent: [
      {
        kind: 'lines',
        title: 'What was not done',
        lines: ['Nothing at all: somebody on this machine ran rsync-ratchet alert test.'],
      },
    ],
    facts: [
      ['host', host],
      ['sent', now.toISOString()],
    ],
    blocks: [],
  };
  return {
    subject: `[TEST] rsync-ratchet on ${host}: this is how an alert arrives`,
    text: letterText(letter),
    html: letterHtml(letter),
    attachments: [],
    messageId: `${id}.test@${host}`,
    references: undefined,
    about: { severity: 'info', outcome: 'test', exitCode: 0, host, rules: [] },
  };
}
