/** The edges of step 10: what is remembered between nights, and how a night is told. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { week, type Told } from '../core/alerts.ts';
import type { JournalEvent, JournalLine } from '../core/chain.ts';
import type { Config, Email, Repository } from '../core/config.ts';
import { rememberedQuiet, type Remembered } from '../core/freshness.ts';
import type { Mail } from '../core/mail.ts';
import type { Place } from '../core/report.ts';
import type { Run } from '../core/run.ts';
import { reminderLead } from '../core/tombstones.ts';
import type { Console } from './console.ts';
import { refreshMetrics } from './metrics.ts';
import { Outbox, type Sent } from './outbox.ts';
import { State } from './state.ts';

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

/** The part of a run's edges that tells; the rest is in edges.ts. */
export class Telling {
  readonly repository: Repository;
  readonly place: Place;
  readonly onSuccess: Email['onSuccess'] | undefined;
  readonly freshness: number | undefined;
  protected readonly state: State;
  readonly #config: Config;
  readonly #console: Console;

  constructor({ config, repository, console, program }: EdgeOptions) {
    this.repository = repository;
    this.place = { host: hostname(), replica: repository.replica, ...(program === undefined ? {} : { program }) };
    this.onSuccess = config.alerts.email?.onSuccess;
    this.freshness = config.alerts.freshness;
    this.state = new State(config.state ?? '', repository.name, (words) => { console.warn(words); });
    this.#config = config;
    this.#console = console;
  }

  now(): Date {
    return new Date();
  }

  async recordReminder(now: Date): Promise<void> {
    const until = new Date(now.getTime() + reminderLead).toISOString();
    await this.state.locked(() => { this.state.tombstones.append([{ event: 'reminded', until }]); });
  }

  told(fingerprint: string): Told {
    const isTold = (line: JournalLine): boolean => (line.event === 'alert-sent' || line.event === 'alert-spooled') && line['warnings'] === fingerprint;
    return {
      finished: this.state.findLast((line) => line.event === 'finished'),
      sameWarnings: this.state.findLast(isTold, new Date(this.now().getTime() - 2 * week)),
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

  remembered(): Remembered {
    const finished = this.state.findLast((line) => line.event === 'finished');
    return { finished, initialised: rememberedQuiet(finished) !== undefined ? undefined : this.state.findLast((line) => line.event === 'initialised') };
  }

  async mail(mail: Mail, run: Run): Promise<Sent> {
    const { alerts: { email }, state = '' } = this.#config;
    if (email === undefined) return 'lost';
    return new Outbox(email, state, (failure) => { this.#console.error(failure); }).send(mail, run, this.now());
  }

  async metrics(end: JournalEvent): Promise<void> {
    await refreshMetrics(this.#config, this.#console, this.now(), { repository: this.repository.name, end });
  }
}
