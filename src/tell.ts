/** Step 10 of a night: journal, mail. */
import { isMailDue, warningsOf, type Told } from './core/alerts.ts';
import type { JournalEvent } from './core/chain.ts';
import { mailOf } from './core/mail.ts';
import { outcomeOf, runExitCode, type Run } from './core/run.ts';
import type { Edges } from './edges.ts';
import { asFailure } from './errors.ts';

/** What fails in here is the run's failure, and the mail goes out all the same. */
export async function tell(edges: Edges, run: Run): Promise<void> {
  run.finishedAt = edges.now();
  if (run.isLocked) return;
  const warnings = edges.fingerprint(warningsOf(run));
  let told: Told = { finished: undefined, sameWarnings: undefined };
  let head = 'not written';
  try {
    told = edges.told(warnings);
    edges.record(run);
    head = await edges.journal(endOf(run, warnings));
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  if (run.command === 'audit') return;
  if (edges.onSuccess === undefined || !isMailDue(run, warnings, told, edges.onSuccess)) return;
  await mail(edges, run, warnings, head);
}

function endOf(run: Run, warnings: string): JournalEvent {
  const { runId, audit, fetched, admitted, quarantined, tombstones, replica, seconds, failure } = run;
  return {
    event: run.command === 'audit' ? 'audited' : 'finished',
    runId, outcome: outcomeOf(run), exitCode: runExitCode(run),
    audit, fetched, admitted, quarantined, tombstones, replica, seconds, warnings,
    rules: [...run.findings.rules('violation'), ...run.findings.rules('warning')],
    ...(failure === undefined ? {} : { failure: failure.message }),
  };
}

/** Sends the mail; what waits in the spool counts as told, what is lost does not. */
async function mail(edges: Edges, run: Run, warnings: string, head: string): Promise<void> {
  const sent = await edges.mail(mailOf(run, edges.place, head), run);
  if (sent !== 'lost') run.alerts[sent]++;
  try {
    if (sent !== 'lost' && run.reminder !== undefined) await edges.recordReminder(run.startedAt);
    await edges.journal({ event: `alert-${sent}`, runId: run.runId, warnings });
  } catch (error) {
    run.failure ??= asFailure(error);
  }
}
