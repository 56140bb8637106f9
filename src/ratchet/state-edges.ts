/** The edges of a run that are kept in the state folder: journal, windows, alarm, tombstones. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { alarmWith, type Alarm } from './declared/alarm.ts';
import type { Books, Entry } from '../audit/books.ts';
import type { JournalEvent } from '../state/chain.ts';
import type { Config, Repository } from '../config/config.ts';
import type { Memory } from './memory.ts';
import type { Objection } from '../audit/deletions.ts';
import { messageIdOf } from '../telling/mail.ts';
import type { Place } from '../words/report.ts';
import type { Run } from './run.ts';
import { confirmation } from './departure/tombstones.ts';
import { decideWindow, type WindowDecision } from './declared/window.ts';
import type { Console } from '../telling/console.ts';
import type { Calls } from '../programs/rsync-call.ts';
import { Locks, type TakeLock } from '../programs/lock.ts';
import { ownPaths } from '../replica-path.ts';
import { State, stateLock } from './state.ts';
import { noteSnapshots } from './snapshots-seen.ts';
import { readSuspects, writeSuspects } from './suspects-file.ts';
import { bury, confirm } from './departure/tombstone-log.ts';

/** What a run is given besides its repository. */
export interface EdgeOptions {
  readonly config: Config;
  readonly repository: Repository;
  readonly interrupt: AbortSignal;
  readonly console: Console;
  /** How a command begins that finds the same configuration, for mails. */
  readonly program?: string;
  /** Called when the run has begun in earnest: it has the lock. */
  readonly onStart?: () => void;
}

/** What a run locks: the replica, and for moments the state. */
export function locksOfRun({ config, repository }: EdgeOptions): Locks {
  return new Locks(ownPaths(repository.replica).lock, stateLock(join(config.state ?? '', repository.name)));
}

export class StateEdges {
  readonly repository: Repository;
  readonly place: Place;
  protected readonly state: State;
  /** What rsync would ask serverA for, as earlier runs have learned it. */
  readonly calls: Calls = {
    recall: (call) => this.memory().calls.find((each) => each.call === call)?.asks,
    keep: async (call, asks) => { await this.journal({ event: 'rsync-call', call, asks }); },
  };

  /** `take`: how the state lock is taken. */
  constructor({ config, repository, console, program }: EdgeOptions, take?: TakeLock) {
    this.repository = repository;
    this.place = { host: hostname(), replica: repository.replica, ...(program === undefined ? {} : { program }) };
    this.state = new State(config.state ?? '', repository.name, (words) => { console.warn(words); }, take);
  }

  now(): Date {
    return new Date();
  }

  random(): string {
    return randomBytes(2).toString('hex');
  }

  memory(): Memory {
    return this.state.memory();
  }

  async journal(event: JournalEvent): Promise<string> {
    return this.state.append(this.now(), event);
  }

  window(now: Date): WindowDecision {
    return decideWindow(now, this.state.windows(), this.repository.pruneWindows);
  }

  alarm(): Alarm | undefined {
    return this.state.alarm();
  }

  async raiseAlarm(run: Run): Promise<Alarm> {
    return this.state.locked(() => {
      const standing = this.state.alarm();
      const alarm = alarmWith(standing, run, messageIdOf(run, this.place));
      this.state.setAlarm(alarm);
      const { rules, since, messageId } = alarm;
      if (standing === undefined) this.state.note(this.now(), { event: 'alarm-raised', runId: run.runId, rules, since, messageId });
      return alarm;
    });
  }

  async forgetStale(books: Books): Promise<void> {
    await this.state.locked(() => { this.state.tombstones.forgetStale(books); });
  }

  async bury(run: Run, books: Books): Promise<Objection[]> {
    return this.state.locked(() => bury(this.state, run, books, this.repository.pruneWindows, this.now()));
  }

  async confirm(books: Books, asked: readonly Entry[]): Promise<{ due: Date | undefined } | undefined> {
    const given = confirmation(this.now(), this.repository.deletionGrace);
    if (!(await this.state.locked(() => confirm(this.state, books, asked, given)))) return undefined;
    return { due: given.due === null ? undefined : new Date(given.due) };
  }

  async moveDueDates(by: number): Promise<void> {
    await this.state.locked(() => { this.state.tombstones.append([{ event: 'postponed', by }]); });
  }

  newSnapshots(books: Books): number | undefined {
    return noteSnapshots(this.state.folder, books);
  }

  noteSuspects(runId: string, books: Books): void {
    writeSuspects(this.state.folder, runId, books);
  }

  acceptedMtimes(books: Books): Entry[] | undefined {
    const { acceptedMtimes } = this.memory();
    return acceptedMtimes === null ? undefined : readSuspects(this.state.folder, acceptedMtimes.alarm, books);
  }
}
