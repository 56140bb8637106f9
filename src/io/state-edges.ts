/** The edges of a run that are kept in the state folder: journal, windows, alarm, tombstones. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { alarmWith, type Alarm } from '../core/alerts.ts';
import type { Books } from '../core/books.ts';
import type { JournalEvent } from '../core/chain.ts';
import type { Config, Repository } from '../core/config.ts';
import { messageIdOf } from '../core/mail.ts';
import type { Place } from '../core/report.ts';
import type { Run } from '../core/run.ts';
import { confirmation } from '../core/tombstones.ts';
import { decideWindow, type WindowDecision } from '../core/window.ts';
import type { Console } from './console.ts';
import { State } from './state.ts';
import { bury, confirm } from './tombstones.ts';

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

export class StateEdges {
  readonly repository: Repository;
  readonly place: Place;
  protected readonly state: State;

  constructor({ config, repository, console, program }: EdgeOptions) {
    this.repository = repository;
    this.place = { host: hostname(), replica: repository.replica, ...(program === undefined ? {} : { program }) };
    this.state = new State(config.state ?? '', repository.name, (words) => { console.warn(words); });
  }

  now(): Date {
    return new Date();
  }

  random(): string {
    return randomBytes(2).toString('hex');
  }

  lastJournaled(): Date | undefined {
    const last = this.state.findLast(() => true);
    return last === undefined ? undefined : new Date(last.time);
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
    const { alarm, isNew } = await this.state.locked(() => {
      const standing = this.state.alarm();
      const raised = alarmWith(standing, run, messageIdOf(run, this.place));
      this.state.setAlarm(raised);
      return { alarm: raised, isNew: standing === undefined };
    });
    if (isNew) await this.journal({ event: 'alarm-raised', runId: run.runId, rules: alarm.rules });
    return alarm;
  }

  acceptsMtimes(): boolean {
    const last = this.state.findLast((line) => (line.event === 'finished' && line['exitCode'] !== 1) || line['acceptMtimes'] === true);
    return last?.['acceptMtimes'] === true;
  }

  async forgetStale(books: Books): Promise<void> {
    await this.state.locked(() => { this.state.tombstones.forgetStale(books); });
  }

  async bury(run: Run, books: Books): Promise<void> {
    await this.state.locked(() => { bury(this.state, run, books); });
  }

  async confirm(books: Books): Promise<Date | undefined> {
    const given = confirmation(this.now(), this.repository.deletionGrace);
    await this.state.locked(() => { confirm(this.state, books, given); });
    return given.due === null ? undefined : new Date(given.due);
  }
}
