/** The exact commands to run after a run, ready to be pasted. */
import { placeOf } from '../layout.ts';
import type { Memory } from '../state/memory.ts';
import type { Rule } from '../audit/policy.ts';
import { outcomeOf, type Run } from '../ratchet/run.ts';
import type { Place } from './report.ts';

/** One command, and when it is the right one. */
export interface Step {
  readonly command: string;
  readonly when: string;
}

type MakeStep = (when: string, ...words: readonly string[]) => Step;

/** What an operator runs next, in this order; nothing when there is nothing to do. `untold`: see letterOf. */
export function nextSteps(run: Run, place: Place, untold: Memory['untold'] = []): Step[] {
  const { program = 'rsync-ratchet' } = place;
  const step: MakeStep = (when, ...words) => ({ command: [program, ...words].join(' '), when });
  return [...aboutOutcome(run, step), ...aboutTombstones(run, step, untold)];
}

function aboutOutcome(run: Run, step: MakeStep): Step[] {
  const name = run.repository;
  switch (outcomeOf(run)) {
    case 'alarm':
      return [
        step('look again; it changes nothing', 'audit', name),
        ...declarations(run, step),
        step('when you know what it was', 'acknowledge', name, '--reason', '"what it was"'),
        step('then', 'sync', name, ...(isAbout(run, 'over-limit') ? ['--no-limits'] : [])),
      ];
    case 'failed':
      return [step('once it is put right', run.command, name)];
    case 'warned':
      return [...repairs(run, step), step('how it stands', 'status', name)];
    default:
      return [];
  }
}

/** Whether this run broke the rule, or the standing alarm is about it. */
function isAbout(run: Run, rule: Rule): boolean {
  return run.findings.count(rule) > 0 || run.alarm?.rules.includes(rule) === true;
}

/** What would have let it through, for who pruned, changed keys, migrated or restored on purpose. */
function declarations(run: Run, step: MakeStep): Step[] {
  const name = run.repository;
  const deletions = Math.max(
    run.findings.count('deleted'),
    run.findings.count('over-budget') > 0 ? run.audit.deleted : 0,
  );
  const open = (when: string, words: string[], reason: string): Step =>
    step(when, 'prune-window', 'open', name, '--for', '2h', ...words, '--reason', `"${reason}"`);
  return [
    ...(deletions > 0
      ? [
          open(
            `only if you ran restic ${deleting(run)} on purpose`,
            ['--max-deletions', String(deletions)],
            deleting(run),
          ),
        ]
      : []),
    ...(run.findings.count('pinned') > 0
      ? [open('only if you changed a key on purpose', ['--allow-keys'], 'keys')]
      : []),
    ...(hasChangedConfig(run)
      ? [step('only if you changed the config on purpose (restic migrate)', 'init', name, '--repin')]
      : []),
    ...(isAbout(run, 'mtimes')
      ? [
          step(
            'only if you know why the times are new: it takes them all over',
            'acknowledge',
            name,
            '--accept-mtimes',
            '--reason',
            '"restored from tape"',
          ),
        ]
      : []),
  ];
}

/** Which commands of restic delete such files: prune alone deletes packs, tag and rewrite replace snapshots, a repaired index the old ones. */
function deleting({ findings }: Run): string {
  const kinds = new Set(findings.kept.flatMap(({ rule, path }) => (rule === 'deleted' ? [placeOf(path).of] : [])));
  if (kinds.has('pack')) return 'prune';
  if (kinds.has('index')) return 'repair index (rebuild-index)';
  return kinds.has('snapshot') ? 'forget, tag or rewrite' : 'forget, prune, tag or rewrite';
}

function hasChangedConfig({ findings }: Run): boolean {
  return findings.kept.some(({ rule, path }) => rule === 'modified' && path === 'config');
}

/** For damage on this machine. */
function repairs(run: Run, step: MakeStep): Step[] {
  if (run.findings.count('check-failed') + run.findings.count('damaged') === 0) return [];
  return [step('when you have looked at the disk of this machine', 'scrub', '--repair', run.repository)];
}

function aboutTombstones(run: Run, step: MakeStep, untold: Memory['untold']): Step[] {
  const name = run.repository;
  const earlier = untold.filter(({ runId }) => runId !== run.runId);
  const stays = run.reminder !== undefined || isAbout(run, 'unconfirmed') || isAbout(run, 'postponed');
  if (run.buried === undefined && !stays && earlier.length === 0) return [];
  return [
    step('what leaves, and when', 'tombstones', 'list', name),
    ...(run.buried === undefined
      ? []
      : [step('to keep what was deleted tonight', 'tombstones', 'keep', name, '--run', run.runId)]),
    ...earlier.map(({ runId }) =>
      step('to keep what that earlier run accepted', 'tombstones', 'keep', name, '--run', runId),
    ),
    ...(stays ? [step('to keep all of it', 'tombstones', 'keep', name, '--all')] : []),
  ];
}
