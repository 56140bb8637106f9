/** The document of `--json` for runs, and a window as every such document shows it. */
import { escapeText } from '../printable.ts';
import { unreadToJson } from '../state/unread.ts';
import type { OpenWindow } from '../ratchet/declared/window.ts';
import { outcomeOf, runExitCode, secondsBetween, type Run } from '../ratchet/run.ts';

/** The document of `--json`: everything on stdout, one for all runs. */
export function toJson(runs: readonly Run[]): string {
  return JSON.stringify({ version: 1, runs: runs.map(runToJson) }, null, 2);
}

function runToJson(run: Run): object {
  const { total, ...stages } = { ...run.seconds, total: secondsBetween(run.startedAt, run.finishedAt) };
  return {
    repository: run.repository,
    runId: run.runId,
    outcome: outcomeOf(run),
    exitCode: runExitCode(run),
    ...(run.failure === undefined
      ? {}
      : { error: { message: escapeText(run.failure.message, 2000), hint: run.failure.hint } }),
    startedAt: run.startedAt.toISOString(),
    finishedAt: run.finishedAt.toISOString(),
    audit: run.audit,
    findings: run.findings.kept,
    findingsOmitted: run.findings.omitted,
    fetched: run.fetched,
    admitted: run.admitted,
    quarantined: run.quarantined,
    tombstones: run.tombstones,
    window: windowToJson(run.window),
    alarm: run.alarm === undefined ? null : { runId: run.alarm.runId, since: run.alarm.since, rules: run.alarm.rules },
    proof: run.proof,
    check: run.check === undefined ? null : { share: run.check.share, passed: run.check.passed },
    drill:
      run.drill === undefined ? null : { files: run.drill.files, bytes: run.drill.bytes, passed: run.drill.passed },
    unread: unreadToJson(run.unread),
    alerts: run.alerts,
    seconds: { ...stages, total },
  };
}

/** A window as `--json` and `status` show it. */
export function windowToJson(window: OpenWindow | undefined): object | null {
  if (window === undefined) return null;
  const { source, until, budget, used, allowKeys } = window;
  return { source, until: until.toISOString(), budget, used, allowKeys };
}
