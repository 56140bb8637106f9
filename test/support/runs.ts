/** Runs as values. */
import type { Findings } from '../../src/audit/findings.ts';
import { newRun, type Run } from '../../src/ratchet/run.ts';

export const startedAt = new Date('2026-11-23T01:27:44.012Z');

/** What `Findings.add` takes. */
export type Found = Readonly<Parameters<Findings['add']>>;

/** A quiet `sync` that took 61.5 s, changed as `change` says. */
export function runOf(change: Partial<Run> = {}, ...found: readonly Found[]): Run {
  const run = newRun('nightly', '20261123T012744Z-3f9c', change.command ?? 'sync', startedAt);
  for (const finding of found) run.findings.add(...finding);
  return Object.assign(run, { finishedAt: new Date(startedAt.getTime() + 61_500) }, change);
}
