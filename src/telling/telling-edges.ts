/** The edges of step 10: what people were told before, and how a night is told. */
import { createHash } from 'node:crypto';
import type { Told } from './mail-due.ts';
import type { JournalEvent } from '../state/chain.ts';
import type { Config, Email } from '../config/config.ts';
import type { Mail } from './mail.ts';
import type { Run } from '../ratchet/run.ts';
import { reminderLead } from '../ratchet/departure/tombstones.ts';
import type { Console } from './console.ts';
import type { TakeLock } from '../programs/lock.ts';
import { refreshMetrics } from './metrics.ts';
import { Outbox, type Sent } from './outbox.ts';
import { StateEdges, type EdgeOptions } from '../ratchet/state-edges.ts';

/** The part of a run's edges that tells; the rest is in edges.ts. */
export class Telling extends StateEdges {
  readonly onSuccess: Email['onSuccess'] | undefined;
  readonly freshness: number | undefined;
  protected readonly config: Config;
  readonly #console: Console;

  constructor(options: EdgeOptions, take?: TakeLock) {
    super(options, take);
    const { config, console, repository } = options;
    this.onSuccess = config.alerts.email?.onSuccess;
    this.freshness = repository.freshness ?? config.alerts.freshness;
    this.config = config;
    this.#console = console;
  }

  async recordReminder(now: Date): Promise<void> {
    const until = new Date(now.getTime() + reminderLead).toISOString();
    await this.state.locked(() => { this.state.tombstones.append([{ event: 'reminded', until }]); });
  }

  told(fingerprint: string): Told {
    const { lastRun, told, untold } = this.memory();
    return { finished: lastRun, sameWarnings: told.find(({ warnings }) => warnings === fingerprint)?.at, untold };
  }

  fingerprint(text: string): string {
    return createHash('sha256').update(text).digest('hex');
  }

  /** The journal's head hash. */
  head(): string {
    return this.state.journal.head() ?? 'not written';
  }

  record(run: Run): void {
    if (run.findings.kept.length === 0) return;
    this.state.writeRunFile(run.runId, 'findings.jsonl', run.findings.kept.map((finding) => `${JSON.stringify(finding)}\n`).join(''));
  }

  async mail(mail: Mail, run: Run): Promise<Sent> {
    const { alerts: { email }, state = '' } = this.config;
    if (email === undefined) return 'lost';
    return new Outbox(email, state, (failure) => { this.#console.error(failure); }).send(mail, run, this.now());
  }

  async metrics(end: JournalEvent): Promise<void> {
    await refreshMetrics(this.config, this.#console, this.now(), { repository: this.repository.name, end });
  }
}
