/** Pings to a dead man's switch in the way of healthchecks.io, or of Uptime Kuma: which address, and what is told there. */
import { exitCodes } from '../errors.ts';
import type { Run } from '../ratchet/run.ts';
import { outcomeOf, runExitCode } from '../ratchet/run.ts';

/** `success` is a plain ping. */
export type Signal = 'start' | 'success' | 'fail';

/** How an exit code is told (README, "Exit codes"); undefined: not at all, because nothing was tried or another run is at it. */
export function signalOf(exitCode: number): Exclude<Signal, 'start'> | undefined {
  if (exitCode === exitCodes.synced || exitCode === exitCodes.warned) return 'success';
  return exitCode === exitCodes.locked || exitCode === exitCodes.usage ? undefined : 'fail';
}

/** The address of a signal. `base` is what the operator's file says; `rid` a UUID that ties start and end together. */
export function pingUrl(base: URL, signal: Signal, rid: string): URL {
  const url = new URL(base);
  if (signal !== 'success') url.pathname = `${url.pathname.replace(/\/+$/, '')}/${signal}`;
  url.searchParams.set('rid', rid);
  return url;
}

/** The address of Uptime Kuma's push monitor, which knows up and down, and shows one line. */
export function kumaUrl(base: URL, signal: Exclude<Signal, 'start'>, body: string): URL {
  const url = new URL(base);
  url.searchParams.set('status', signal === 'success' ? 'up' : 'down');
  url.searchParams.set('msg', body.trim().split('\n').join('; ').slice(0, longestMessage));
  return url;
}

/** Kuma keeps a message in a column of 255 characters. */
const longestMessage = 250;

/** What is told: outcome, exit status and run of each repository; what was found only when asked (`monitoring.ping.findings`). */
export function pingBody(exitCode: number, runs: readonly Run[], withFindings: boolean): string {
  const lines = runs.map((run) => {
    const rules = [...run.findings.rules('violation'), ...run.findings.rules('warning')].map(
      ({ rule, count }) => `${count} ${rule}`,
    );
    const found = withFindings && rules.length > 0 ? `: ${rules.join(', ')}` : '';
    return `${run.repository}: ${outcomeOf(run)} (exit status ${runExitCode(run)}), run ${run.runId}${found}`;
  });
  return `${[`exit status ${exitCode}`, ...lines].join('\n')}\n`;
}
