/** The exact commands to run after a run, ready to be pasted. */
import { outcomeOf, type Run } from './run.ts';
import type { Place } from './report.ts';

/** One command, and when it is the right one. */
export interface Step {
  readonly command: string;
  readonly when: string;
}

/** What an operator runs next, in this order; nothing when there is nothing to do. */
export function nextSteps(run: Run, place: Place): Step[] {
  const { program = 'rsync-ratchet' } = place;
  const step = (when: string, ...words: readonly string[]): Step => ({ command: [program, ...words].join(' '), when });
  const name = run.repository;
  switch (outcomeOf(run)) {
    case 'alarm': return [
      step('look again; it changes nothing', 'audit', name),
      ...declarations(run).map(([when, words]) => step(when, 'prune-window', 'open', name, ...words)),
      step('when you know what it was', 'acknowledge', name, '--reason', '"what it was"'),
      step('then', 'sync', name, ...(found(run, 'over-limit') > 0 ? ['--no-limits'] : [])),
      ...aboutTombstones(run, step),
    ];
    case 'failed': return [step('once it is put right', 'sync', name), ...aboutTombstones(run, step)];
    case 'warned': return [step('how it stands', 'status', name), ...aboutTombstones(run, step)];
    default: return aboutTombstones(run, step);
  }
}

function found(run: Run, rule: Parameters<Run['findings']['count']>[0]): number {
  return run.findings.count(rule);
}

/** A window that would have let it through, for who pruned or changed keys on purpose. */
function declarations(run: Run): [when: string, words: string[]][] {
  const deletions = Math.max(found(run, 'deleted'), found(run, 'over-budget') > 0 ? run.audit.deleted : 0);
  const open = (words: string[], reason: string): string[] => ['--for', '2h', ...words, '--reason', `"${reason}"`];
  return [
    ...(deletions > 0 ? [['only if you pruned on purpose', open(['--max-deletions', String(deletions)], 'prune')] as [string, string[]]] : []),
    ...(found(run, 'pinned') > 0 ? [['only if you changed a key on purpose', open(['--allow-keys'], 'keys')] as [string, string[]]] : []),
  ];
}

function aboutTombstones(run: Run, step: (when: string, ...words: readonly string[]) => Step): Step[] {
  if (run.buried === undefined && run.reminder === undefined) return [];
  return [
    step('what leaves, and when', 'tombstones', 'list', run.repository),
    ...(run.buried === undefined ? [] : [step('to keep what was deleted tonight', 'tombstones', 'keep', run.repository, '--run', run.runId)]),
    ...(run.reminder === undefined ? [] : [step('to keep all of it', 'tombstones', 'keep', run.repository, '--all')]),
  ];
}
