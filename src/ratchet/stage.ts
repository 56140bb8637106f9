/** What all steps of a night share: their clock and their deadline. */
import { secondsBetween, type Run, type Stage } from './run.ts';
import type { Edges } from './edges.ts';

/** Keeps a stage's time and announces it. */
export async function timed<T>(edges: Edges, run: Run, stage: Stage, work: () => Promise<T>): Promise<T> {
  const from = edges.now();
  edges.stage(stage);
  try {
    return await work();
  } finally {
    run.seconds[stage] = Math.round((run.seconds[stage] + secondsBetween(from, edges.now())) * 1000) / 1000;
  }
}

/** When the run's time is over. */
export function deadlineOf(edges: Edges, run: Run): Date {
  return new Date(run.startedAt.getTime() + edges.repository.timeouts.run);
}

/** Raises the alarm if the run has found a violation; whether an alarm stands. */
export async function alarmStands(edges: Edges, run: Run): Promise<boolean> {
  if (run.findings.rules('violation').length > 0) run.alarm = await edges.raiseAlarm(run);
  return run.alarm !== undefined;
}
