/**
 * Alerts on their way: written to the spool first, then sent, and removed when every recipient's server has taken them.
 * So none is lost when we are killed in between, and none is sent again to whom it was delivered.
 */
import type { Email } from '../core/config.ts';
import type { Mail } from '../core/mail.ts';
import { missingOf, spoolName, type Spooled } from '../core/spool.ts';
import { asFailure, Failure } from '../errors.ts';
import { Spool } from './spool.ts';
import { State } from './state.ts';

/** How long a mail server may take for one mail, in milliseconds. */
export const mailPatience = 30_000;

/** What became of an alert. `lost`: neither delivered nor spooled; that has been said. */
export type Sent = 'sent' | 'spooled' | 'lost';

/** What a flush came to. */
export interface Flushed {
  readonly sent: number;
  /** How many still wait. */
  readonly spooled: number;
  /** The spool itself could not be read or written; that has been said. */
  readonly failed?: true;
}

/** Whose alert it is. */
export interface Origin {
  readonly repository: string;
  readonly runId: string;
}

export class Outbox {
  readonly #email: Email;
  readonly #state: string;
  readonly #say: (failure: Failure) => void;
  readonly #patience: number;
  readonly #spool: Spool;

  /** `state`: the configuration's folder; `say` is told of all that could not be delivered; `patience` in milliseconds. */
  constructor(email: Email, state: string, say: (failure: Failure) => void, patience = mailPatience) {
    this.#email = email;
    this.#state = state;
    this.#say = say;
    this.#patience = patience;
    this.#spool = new Spool(state);
  }

  /** Sends an alert. Never throws: what goes wrong has been said. */
  async send(mail: Mail, { repository, runId }: Origin, now: Date): Promise<Sent> {
    const spooled: Spooled = { version: 1, repository, runId, at: now.toISOString(), mail, accepted: [] };
    const isKept = this.#keep(spooled);
    const lock = await this.#spool.lock(2 * this.#patience / 1000).catch(() => undefined);
    try {
      if (lock === undefined && isKept) throw new Failure('another rsync-ratchet is talking to the mail server', 'see rsync-ratchet alert flush');
      return await this.#sendLocked(spooled, isKept);
    } catch (error) {
      this.#sayOf(spooled, asFailure(error), isKept);
      return isKept ? 'spooled' : 'lost';
    } finally {
      lock?.release();
    }
  }

  /** While we waited for the lock, another process may have sent it from the spool. */
  async #sendLocked(spooled: Spooled, isKept: boolean): Promise<Sent> {
    const name = spoolName(spooled.runId, spooled.repository);
    if (isKept && !this.#spool.names().includes(name)) return 'sent';
    const outcome = await this.#deliver(isKept ? this.#spool.read(name) : spooled, isKept);
    return outcome === 'delivered' ? 'sent' : this.#spool.names().includes(name) ? 'spooled' : 'lost';
  }

  /** Sends what waits in the spool, oldest first, until the server turns out to be down. Never throws. */
  async flush(now: () => Date): Promise<Flushed> {
    try {
      return await this.#flush(now);
    } catch (error) {
      this.#say(asFailure(error));
      return { sent: 0, spooled: 0, failed: true };
    }
  }

  async #flush(now: () => Date): Promise<Flushed> {
    if (this.#spool.names().length === 0) return { sent: 0, spooled: 0 };
    const lock = await this.#spool.lock(0);
    if (lock === undefined) return { sent: 0, spooled: this.#spool.names().length };
    let sent = 0;
    this.#spool.tidy();
    const deadline = Date.now() + 2 * this.#patience;
    try {
      for (const name of this.#spool.names()) {
        const outcome = await this.#retry(name, now);
        if (outcome === 'delivered') sent++;
        if (outcome === 'down' || Date.now() > deadline) break;
      }
    } finally {
      lock.release();
    }
    return { sent, spooled: this.#spool.names().length };
  }

  async #retry(name: string, now: () => Date): Promise<'delivered' | 'refused' | 'down'> {
    try {
      const spooled = this.#spool.read(name);
      const outcome = await this.#deliver(spooled, true);
      const { repository, runId } = spooled;
      if (outcome === 'delivered') await new State(this.#state, repository).append(now(), { event: 'alert-sent', runId, spooledAt: spooled.at });
      return outcome;
    } catch (error) {
      this.#say(asFailure(error));
      return 'refused';
    }
  }

  /** Says what was not delivered. The caller holds the spool's lock. */
  async #deliver(spooled: Spooled, isKept: boolean): Promise<'delivered' | 'refused' | 'down'> {
    const name = spoolName(spooled.runId, spooled.repository);
    const to = missingOf(this.#email.to, spooled.accepted);
    const { sendMail } = await import('./mail.ts');
    const delivery = to.length === 0 ? { kind: 'delivered', accepted: [], refused: [] } as const
      : await sendMail(this.#email, spooled.mail, to, new Date(spooled.at), this.#patience);
    if (delivery.kind === 'undelivered') {
      this.#sayOf(spooled, delivery.failure, isKept);
      return delivery.isDown ? 'down' : 'refused';
    }
    if (delivery.refused.length === 0) {
      if (isKept) this.#spool.remove(name);
      return 'delivered';
    }
    const rest = { ...spooled, accepted: [...spooled.accepted, ...delivery.accepted] };
    const why = delivery.refused.map((each) => `${each.address}: ${each.why}`).join('; ');
    this.#sayOf(spooled, new Failure(`refused for ${why}`, 'check alerts.email.to; the others have it'), this.#keep(rest));
    return 'refused';
  }

  /** Whether it is safe in the spool; what speaks against it has been said. */
  #keep(spooled: Spooled): boolean {
    try {
      if (this.#spool.put(spooled)) return true;
      this.#say(new Failure(`the spool ${this.#spool.folder} is full`, 'get the mail server going, then: rsync-ratchet alert flush'));
    } catch (error) {
      const { message, hint } = asFailure(error);
      this.#say(new Failure(`the spool ${this.#spool.folder} cannot be written: ${message}`, hint));
    }
    return false;
  }

  #sayOf({ mail }: Spooled, { message, hint }: Failure, isKept: boolean): void {
    const fate = isKept ? 'it waits in the spool and is tried again' : 'it is LOST: the spool did not take it either';
    this.#say(new Failure(`the mail "${mail.subject}" was not delivered: ${message}; ${fate}`, hint));
  }
}
