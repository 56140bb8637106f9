/** What telling reaches: the state folder, the outbox, the terminal. Nothing in here knows the replica. */
import type { Config, Email, Repository } from '../config/config.ts';
import type { JournalEvent } from '../state/chain.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { placeOf } from '../programs/place.ts';
import type { Told } from './mail-due.ts';
import { reminderLead } from '../ratchet/departure/tombstones.ts';
import type { Run } from '../ratchet/run.ts';
import { State } from '../ratchet/state.ts';
import type { Place } from '../words/report.ts';
import { routesOf, spread } from './channels.ts';
import type { Console } from './console.ts';
import type { Mail } from './mail.ts';
import { Outbox, type Sent } from './outbox.ts';

/** Whom a repository's runs are told to, and what they were told before. */
export interface Telling {
  readonly config: Config;
  readonly repository: Repository;
  readonly place: Place;
  readonly state: State;
  readonly console: Console;
}

/** `state`: the run's own, which shares its lock. */
export function tellingOf(options: RunOptions, state?: State): Telling {
  const { config, repository, console } = options;
  return {
    config,
    repository,
    place: placeOf(options),
    state: state ?? new State(config.state ?? '', repository.name, (words) => { console.warn(words); }), // prettier-ignore
    console,
  };
}

/** Whether good nights are told too; undefined when nobody is told of any. */
export function onSuccessOf({ config }: Telling): Email['onSuccess'] | undefined {
  return routesOf(config).length === 0 ? undefined : (config.alerts.email?.onSuccess ?? 'never');
}

/** Milliseconds without a new snapshot after which a run warns; undefined for never. */
export function freshnessOf({ config, repository }: Telling): number | undefined {
  return repository.freshness ?? config.alerts.freshness;
}

/** What was told before; `fingerprint` stands for the set of tonight's warnings. */
export function toldBefore({ state }: Telling, fingerprint: string): Told {
  const { lastRun, told, untold } = state.memory();
  return { finished: lastRun, sameWarnings: told.find(({ warnings }) => warnings === fingerprint)?.at, untold };
}

/** Appends to the journal; the new head hash. */
export async function journal({ state }: Telling, event: JournalEvent): Promise<string> {
  return state.append(new Date(), event);
}

/** Keeps a run's findings for people. */
export function record({ state }: Telling, run: Run): void {
  if (run.findings.kept.length === 0) return;
  const lines = run.findings.kept.map((finding) => `${JSON.stringify(finding)}\n`);
  state.writeRunFile(run.runId, 'findings.jsonl', lines.join(''));
}

/** Sends the alert of a run, or spools it. Never throws: what went wrong has been said on stderr. */
export async function sendAlert({ config, console }: Telling, mail: Mail, run: Run): Promise<Sent> {
  const outbox = new Outbox(routesOf(config), config.state ?? '', (failure) => { console.error(failure); }); // prettier-ignore
  return outbox.send(mail, run, new Date());
}

/** Tells who keeps figures that this run has ended. Never throws. */
export async function refresh(telling: Telling, end: JournalEvent): Promise<void> {
  await spread(telling, { kind: 'changed', now: new Date(), ended: { repository: telling.repository.name, end } });
}

/** Notes that people were reminded of what is due within a week. */
export async function recordReminder({ state }: Telling, now: Date): Promise<void> {
  const until = new Date(now.getTime() + reminderLead).toISOString();
  await state.locked(() => {
    state.tombstones.append([{ event: 'reminded', until }]);
  });
}
