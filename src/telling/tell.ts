/** Step 10 of a night: journal, metrics, mail. The ping is for the whole invocation, see cli/sync.ts. */
import { isAsideMailDue, isMailDue, warningsOf, type Told } from './mail-due.ts';
import type { JournalEvent } from '../state/chain.ts';
import { quietOf, staleness } from '../words/freshness.ts';
import { mailOf, type Mail } from './mail.ts';
import { outcomeOf, runExitCode, type Run } from '../ratchet/run.ts';
import { unreadToJson } from '../proof/unread.ts';
import type { Edges } from '../ratchet/edges.ts';
import { asFailure } from '../errors.ts';

/** What fails in here is the run's failure, and the mail goes out all the same. */
export async function tell(edges: Edges, run: Run): Promise<void> {
  run.finishedAt = edges.now();
  if (run.isLocked) return;
  if (run.command === 'sync') judgeFreshness(edges, run);
  const warnings = edges.fingerprint(warningsOf(run));
  let told: Told = { finished: null, sameWarnings: undefined, untold: null };
  let head = 'not written';
  try {
    told = edges.told(warnings);
    // A night that asked for none says nothing of the ones before.
    run.spotsMissed ??= Number(edges.memory().lastRun?.['spotsMissed'] ?? 0);
    edges.record(run);
    head = await edges.journal(endOf(run, warnings));
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  if (run.command === 'audit') return;
  await edges.metrics(endOf(run, warnings));
  if (edges.onSuccess === undefined || !isMailDue(run, warnings, told, edges.onSuccess)) return;
  await mail(edges, run, warnings, mailOf(run, edges.place, head, told.untold));
  await edges.metrics(endOf(run, warnings));
}

/** What is told of a `check` or a `scrub`, which write their own lines into the journal: a mail, where one is due. */
export async function tellAside(edges: AsideEdges, run: Run): Promise<void> {
  if (edges.onSuccess === undefined) return;
  const warnings = edges.fingerprint(warningsOf(run));
  try {
    if (!isAsideMailDue(run, edges.told(warnings))) return;
    edges.record(run);
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  await mail(edges, run, warnings, mailOf(run, edges.place, edges.head()));
}

/** What a mail needs of the world outside. */
export type MailEdges = Pick<Edges, 'place' | 'mail' | 'recordReminder' | 'journal'>;

/** What `tellAside` needs besides. `head`: the journal's head hash. */
export interface AsideEdges extends MailEdges, Pick<Edges, 'onSuccess' | 'fingerprint' | 'told' | 'record'> {
  head(): string;
}

/** Quiet nights for too long are a warning: that is what a frozen or withholding serverA looks like. */
function judgeFreshness(edges: Edges, run: Run): void {
  try {
    run.quiet = quietOf(run, edges.memory());
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  const stale = run.failure === undefined && run.alarm === undefined ? staleness(run, edges.freshness) : undefined;
  if (stale !== undefined) run.findings.add('warning', 'stale', '', stale);
}

function endOf(run: Run, warnings: string): JournalEvent {
  const { runId, audit, fetched, admitted, quarantined, tombstones, replica, quiet, seconds, failure } = run;
  const unread = unreadToJson(run.unread);
  return {
    event: run.command === 'audit' ? 'audited' : 'finished',
    runId, outcome: outcomeOf(run), exitCode: runExitCode(run),
    audit, fetched, admitted, quarantined, tombstones, unread, replica, quiet, seconds, warnings,
    rules: [...run.findings.rules('violation'), ...run.findings.rules('warning')],
    ...(run.command === 'sync' && run.spotsMissed !== undefined && run.spotsMissed > 0 ? { spotsMissed: run.spotsMissed } : {}),
    ...(failure === undefined ? {} : { failure: failure.message }),
  };
}

/** Sends the mail; what waits in the spool counts as told, what is lost does not. */
async function mail(edges: MailEdges, run: Run, warnings: string, words: Mail): Promise<void> {
  const sent = await edges.mail(words, run);
  if (sent !== 'lost') run.alerts[sent]++;
  try {
    if (sent !== 'lost' && run.reminder !== undefined) await edges.recordReminder(run.startedAt);
    await edges.journal({ event: `alert-${sent}`, runId: run.runId, warnings, deletionsTold: sent !== 'lost' && run.command === 'sync' });
  } catch (error) {
    run.failure ??= asFailure(error);
  }
}
