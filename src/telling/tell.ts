/** Step 10, after the night: journal, metrics, mail. The ping is for the whole invocation, see cli/sync.ts. */
import { isAsideMailDue, isMailDue, warningsOf, type Told } from './mail-due.ts';
import type { JournalEvent } from '../state/chain.ts';
import { quietOf, staleness } from '../words/freshness.ts';
import { mailOf, type Mail } from './mail.ts';
import { outcomeOf, runExitCode, type Run } from '../ratchet/run.ts';
import { unreadToJson } from '../state/unread.ts';
import { asFailure } from '../errors.ts';
import { sha256Of } from '../state/sha256.ts';
import {
  freshnessOf,
  journal,
  onSuccessOf,
  record,
  recordReminder,
  refresh,
  sendAlert,
  toldBefore,
  type Telling,
} from './telling.ts';

/** What fails in here is the run's failure, and the mail goes out all the same. */
export async function tell(telling: Telling, run: Run): Promise<void> {
  run.finishedAt = new Date();
  if (run.isLocked) return;
  if (run.command === 'sync') judgeFreshness(telling, run);
  const warnings = sha256Of(warningsOf(run));
  let told: Told = { finished: null, sameWarnings: undefined, untold: [] };
  let head = 'not written';
  try {
    told = toldBefore(telling, warnings);
    // A night that asked for none says nothing of the ones before.
    run.spotsMissed ??= Number(telling.state.memory().lastRun?.['spotsMissed'] ?? 0);
    record(telling, run);
    head = await journal(telling, endOf(run, warnings));
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  if (run.command === 'audit') return;
  await refresh(telling, endOf(run, warnings));
  const onSuccess = onSuccessOf(telling);
  if (onSuccess === undefined || !isMailDue(run, warnings, told, onSuccess)) return;
  await mail(telling, run, warnings, mailOf(run, telling.place, head, told.untold));
  await refresh(telling, endOf(run, warnings));
}

/** What is told of a `check` or a `scrub`, which write their own lines into the journal: a mail, where one is due. */
export async function tellAside(telling: Telling, run: Run): Promise<void> {
  if (onSuccessOf(telling) === undefined) return;
  const warnings = sha256Of(warningsOf(run));
  try {
    if (!isAsideMailDue(run, toldBefore(telling, warnings))) return;
    record(telling, run);
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  await mail(telling, run, warnings, mailOf(run, telling.place, telling.state.journal.head() ?? 'not written'));
}

/** Quiet nights for too long are a warning: that is what a frozen or withholding serverA looks like. */
function judgeFreshness(telling: Telling, run: Run): void {
  try {
    run.quiet = quietOf(run, telling.state.memory());
  } catch (error) {
    run.failure ??= asFailure(error);
  }
  const stale = run.failure === undefined && run.alarm === undefined ? staleness(run, freshnessOf(telling)) : undefined;
  if (stale !== undefined) run.findings.add('warning', 'stale', '', stale);
}

function endOf(run: Run, warnings: string): JournalEvent {
  const { runId, audit, fetched, admitted, quarantined, tombstones, replica, quiet, seconds, failure } = run;
  const unread = unreadToJson(run.unread);
  return {
    event: run.command === 'audit' ? 'audited' : 'finished',
    runId,
    outcome: outcomeOf(run),
    exitCode: runExitCode(run),
    audit,
    fetched,
    admitted,
    quarantined,
    tombstones,
    unread,
    replica,
    quiet,
    seconds,
    warnings,
    rules: [...run.findings.rules('violation'), ...run.findings.rules('warning')],
    ...(run.command === 'sync' && run.spotsMissed !== undefined && run.spotsMissed > 0
      ? { spotsMissed: run.spotsMissed }
      : {}),
    ...(failure === undefined ? {} : { failure: failure.message }),
  };
}

/** Sends the mail; what waits in the spool counts as told, what is lost does not. */
async function mail(telling: Telling, run: Run, warnings: string, words: Mail): Promise<void> {
  const sent = await sendAlert(telling, words, run);
  if (sent !== 'lost') run.alerts[sent]++;
  try {
    if (sent !== 'lost' && run.reminder !== undefined) await recordReminder(telling, run.startedAt);
    await journal(telling, {
      event: `alert-${sent}`,
      runId: run.runId,
      warnings,
      deletionsTold: sent !== 'lost' && run.command === 'sync',
    });
  } catch (error) {
    run.failure ??= asFailure(error);
  }
}
