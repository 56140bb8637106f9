/** The edges of a run that are kept in the state folder: windows, alarm, tombstones, journal. */
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { alarmWith, type Alarm } from '../core/alerts.ts';
import type { Books } from '../core/books.ts';
import type { JournalEvent, JournalLine } from '../core/chain.ts';
import type { Config, Repository } from '../core/config.ts';
import { messageIdOf } from '../core/report.ts';
import type { Run } from '../core/run.ts';
import { confirmation, reminderLead } from '../core/tombstones.ts';
import { decideWindow, type WindowDecision } from '../core/window.ts';
import { State } from './state.ts';
import { bury, confirm } from './tombstones.ts';

export class StateEdges {
  readonly repository: Repository;
  readonly place: { host: string; replica: string };
  protected readonly state: State;

  constructor(config: Config, repository: Repository) {
    this.repository = repository;
    this.place = { host: hostname(), replica: repository.replica };
    this.state = new State(config.state ?? '', repository.name);
  }

  now(): Date {
    return new Date();
  }

  random(): string {
    return randomBytes(2).toString('hex');
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

  async bury(run: Run, books: Books): Promise<void> {
    await this.state.locked(() => { bury(this.state, run, books); });
  }

  async confirm(books: Books): Promise<Date | undefined> {
    const given = confirmation(this.now(), this.repository.deletionGrace);
    await this.state.locked(() => { confirm(this.state, books, given); });
    return given.due === null ? undefined : new Date(given.due);
  }

  async recordReminder(now: Date): Promise<void> {
    const until = new Date(now.getTime() + reminderLead).toISOString();
    await this.state.locked(() => { this.state.tombstones.append([{ event: 'reminded', until }]); });
  }

  told(fingerprint: string) {
    return {
      finished: this.state.findLast((line) => line.event === 'finished'),
      untold: this.#untold(),
      sameWarnings: this.state.findLast((line) => line.event === 'alert-sent' && line['warnings'] === fingerprint),
    };
  }

  fingerprint(text: string): string {
    return createHash('sha256').update(text).digest('hex');
  }

  lastJournaled(): Date | undefined {
    const last = this.state.findLast(() => true);
    return last === undefined ? undefined : new Date(last.time);
  }

  async journal(event: JournalEvent): Promise<string> {
    return this.state.append(this.now(), event);
  }

  record(run: Run): void {
    if (run.findings.kept.length === 0) return;
    this.state.writeRunFile(run.runId, 'findings.jsonl', run.findings.kept.map((finding) => `${JSON.stringify(finding)}\n`).join(''));
  }

  #untold(): JournalLine | undefined {
    const last = this.state.findLast((line) => line['deletionsTold'] === true || (line.event === 'tombstones' && line['added'] !== 0));
    return last?.event === 'tombstones' ? last : undefined;
  }
}
