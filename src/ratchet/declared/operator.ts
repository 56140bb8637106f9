/** What an operator declares on this machine: windows, kept tombstones, acknowledged alarms. Works beside a long run. */
import { unburied } from '../../audit/questions.ts';
import { pathOf } from '../../replica-path.ts';
import type { Alarm } from './alarm.ts';
import type { Config, Repository } from '../../config/config.ts';
import type { Tombstone } from '../departure/tombstones.ts';
import { decideWindow, noWindows, withAllClosed, type OpenWindow, type WindowDecision } from './window.ts';
import { Failure } from '../../errors.ts';
import { whoTyped } from '../../state/become.ts';
import { notInitialised } from '../replica.ts';
import { State } from '../state.ts';
import { walkReplica } from '../../audit/walk.ts';
import { markerOf } from '../whose-state.ts';

/** What `prune-window open` asks for. */
export interface WindowRequest {
  /** Milliseconds. */
  readonly length: number;
  /** Undefined: a quarter of the replica's files, or none when only keys may change. */
  readonly maxDeletions: number | undefined;
  readonly allowKeys: boolean;
  readonly reason: string;
}

/** Which tombstones `tombstones keep` means. */
export type Choice = { readonly paths: readonly string[] } | { readonly run: string } | 'all';

export class Operator {
  readonly #repository: Repository;
  readonly #state: State;

  /** Throws Failure when the replica is not initialised, or its state is elsewhere: a typing error must not open a window nowhere. */
  constructor(config: Config, repository: Repository) {
    if (markerOf(config, repository) === undefined) throw notInitialised(repository.replica);
    this.#repository = repository;
    this.#state = new State(config.state ?? '', repository.name);
  }

  alarm(): Alarm | undefined {
    return this.#state.alarm();
  }

  window(now: Date): WindowDecision {
    return decideWindow(now, this.#state.windows(), this.#repository.pruneWindows);
  }

  /** Opens a window; one that was opened by hand before ends with it. */
  async openWindow(request: WindowRequest, now: Date): Promise<OpenWindow> {
    const maxDeletions = request.maxDeletions ?? (request.allowKeys ? 0 : this.#quarterOfFiles());
    const { allowKeys, reason } = request;
    const who = whoTyped();
    const ends = new Date(now.getTime() + request.length);
    const [openedAt, until] = [now.toISOString(), ends.toISOString()];
    await this.#state.locked(() => {
      const windows = this.#state.windows();
      // The journal first: a command that fails there must not have opened anything. The file must be there by then.
      this.#state.setWindows(windows);
      this.#state.note(now, { event: 'window-opened', who, until, maxDeletions, allowKeys, reason });
      const command = { openedAt, until, maxDeletions, used: 0, allowKeys, reason, openedBy: who };
      this.#state.setWindows({ ...windows, command });
    });
    return { source: 'command', until: ends, budget: maxDeletions, used: 0, allowKeys, row: undefined };
  }

  /** Closes all that is open now, so that nothing is let through any more; the window that was, or undefined. */
  async closeWindow(now: Date): Promise<OpenWindow | undefined> {
    const closed = await this.#state.locked(() => {
      const before = this.#state.storedWindows() ?? noWindows; // a lost one is made anew
      this.#state.setWindows(withAllClosed(now, before, this.#repository.pruneWindows));
      return decideWindow(now, before, this.#repository.pruneWindows).open;
    });
    if (closed === undefined) return undefined;
    const { used, source } = closed;
    await this.#state.append(now, { event: 'window-closed', who: whoTyped(), used, source });
    return closed;
  }

  /** Calls `visit` for each tombstone that stands, in the order of their deletion. */
  eachTombstone(visit: (tombstone: Tombstone) => void): void {
    const log = this.#state.tombstones;
    log.eachCurrent(log.ownBooks(), visit);
  }

  /** Makes tombstones permanent; how many. Throws Failure when a named path or run has none. */
  async keep(choice: Choice, now: Date): Promise<number> {
    const kept = await this.#state.locked(() => {
      const chosen: string[] = [];
      let already = 0;
      this.eachTombstone((tombstone) => {
        if (!isChosen(tombstone, choice)) return;
        if (tombstone.state === 'kept' || tombstone.state === 'came-back') already++;
        else chosen.push(tombstone.path);
      });
      if (choice !== 'all' && 'paths' in choice) requireAll(choice.paths, chosen);
      if (choice !== 'all' && 'run' in choice && chosen.length + already === 0) throw noTombstoneOf(choice.run);
      this.#state.tombstones.append(chosen.map((path) => ({ event: 'kept', path })));
      return chosen.length;
    });
    if (kept > 0)
      await this.#state.append(now, {
        event: 'tombstones-kept',
        who: whoTyped(),
        files: kept,
        ...(choice === 'all' ? { all: true } : 'run' in choice ? choice : { paths: choice.paths.slice(0, 20) }),
      });
    return kept;
  }

  /** Lowers the alarm and moves due dates on by as long as it stood; the alarm that was, or undefined. */
  async acknowledge(reason: string, acceptMtimes: boolean, now: Date): Promise<Alarm | undefined> {
    return this.#state.locked(() => {
      const alarm = this.#state.alarm();
      if (alarm === undefined) return undefined;
      const { runId, since, rules } = alarm;
      const by = Math.max(0, now.getTime() - Date.parse(since));
      this.#state.tombstones.append([{ event: 'postponed', by }]);
      this.#state.setAlarm(undefined);
      const event = { event: 'acknowledged', who: whoTyped(), reason, alarm: runId, since, rules, acceptMtimes };
      this.#state.note(now, event);
      return alarm;
    });
  }

  #quarterOfFiles(): number {
    const { books } = walkReplica(pathOf(this.#repository.replica), this.#repository.ignore);
    return Math.floor(books.amount(unburied).files / 4);
  }
}

function isChosen(tombstone: Tombstone, choice: Choice): boolean {
  if (choice === 'all') return true;
  return 'run' in choice ? tombstone.run === choice.run : choice.paths.includes(tombstone.path);
}

function requireAll(paths: readonly string[], chosen: readonly string[]): void {
  const missing = paths.filter((path) => !chosen.includes(path));
  if (missing.length === 0) return;
  throw new Failure(
    `no tombstone to keep for ${missing.join(', ')}`,
    'see rsync-ratchet tombstones list for the paths; nothing was changed',
  );
}

function noTombstoneOf(run: string): Failure {
  return new Failure(`no tombstone of run ${run}`, 'rsync-ratchet tombstones list shows the runs; nothing was changed');
}
