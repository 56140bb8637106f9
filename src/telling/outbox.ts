/**
 * Alerts on their way: written to the spool first, then sent, and removed when every recipient's server has taken them.
 * So none is lost when we are killed in between, and none is sent again to whom it was delivered.
 */
import type { Email } from '../config/config.ts';
import type { Mail } from './mail.ts';
import { missingOf, spoolName, type Spooled } from './spooled.ts';
import { asFailure, Failure } from '../errors.ts';
import type { Delivery } from './transport.ts';
import { Spool } from './spool.ts';
import { State } from '../ratchet/state.ts';

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
    const spooled: Spooled = { version: 1, repository, runId, at: now.toISOString(), mail, accepted: [], givenUp: [] };
    const isKept = this.#keep(spooled);
    const lock = await this.#spool.lock((2 * this.#patience) / 1000).catch(() => undefined);
    try {
      if (lock === undefined && isKept)
        throw new Failure('another rsync-ratchet is talking to the mail server', 'see rsync-ratchet alert flush');
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
    const failures: Failure[] = [];
    this.#spool.tidy();
    const deadline = Date.now() + 2 * this.#patience;
    try {
      for (const name of this.#spool.names()) {
        const outcome = await this.#retry(name, now, (failure) => {
          failures.push(failure);
        });
        if (outcome === 'delivered') sent++;
        if (outcome === 'down' || Date.now() > deadline) break;
      }
    } finally {
      lock.release();
    }
    const spooled = this.#spool.names().length;
    this.#sayOnce(failures, spooled);
    return { sent, spooled };
  }

  /** One line for all that waits: it is said every time that it is tried. */
  #sayOnce([first, ...more]: readonly Failure[], spooled: number): void {
    if (first === undefined) return;
    const others = spooled > 1 || more.length > 0 ? `; ${spooled} wait in the spool` : '';
    this.#say(new Failure(`${first.message}${others}`, first.hint));
  }

  async #retry(
    name: string,
    now: () => Date,
    say: (failure: Failure) => void,
  ): Promise<'delivered' | 'refused' | 'down'> {
    try {
      const spooled = this.#spool.read(name);
      const outcome = await this.#deliver(spooled, true, say);
      const { repository, runId } = spooled;
      if (outcome === 'delivered')
        await new State(this.#state, repository).append(now(), { event: 'alert-sent', runId, spooledAt: spooled.at });
      return outcome;
    } catch (error) {
      say(asFailure(error));
      return 'refused';
    }
  }

  /**
   * Says what was not delivered. Whom the server refuses for good is given up once somebody has the alert; one that nobody
   * has never is. The caller holds the spool's lock.
   */
  async #deliver(spooled: Spooled, isKept: boolean, say = this.#say): Promise<'delivered' | 'refused' | 'down'> {
    const delivery = await this.#attempt(spooled);
    const had = [...spooled.accepted, ...(delivery.kind === 'delivered' ? delivery.accepted : [])];
    const lost = had.length === 0 ? [] : delivery.refused.filter(({ isFinal }) => isFinal);
    for (const { address, why } of lost)
      this.#say(
        new Failure(
          `${address} was refused for good and is given up: ${why}; ${had.join(', ')} has the mail "${spooled.mail.subject}"`,
          'check alerts.email.to',
        ),
      );
    if (delivery.kind === 'undelivered' && lost.length === 0) {
      this.#sayOf(spooled, delivery.failure, isKept, say);
      return delivery.isDown ? 'down' : 'refused';
    }
    const later = delivery.refused.filter((refusal) => !lost.includes(refusal));
    if (later.length === 0) {
      if (isKept) this.#spool.remove(spoolName(spooled.runId, spooled.repository));
      return 'delivered';
    }
    const rest = { ...spooled, accepted: had, givenUp: [...spooled.givenUp, ...lost.map(({ address }) => address)] };
    const why = later.map((each) => `${each.address}: ${each.why}`).join('; ');
    this.#sayOf(
      spooled,
      new Failure(`refused for ${why}`, 'greylisting passes by itself; else check alerts.email.to. The others have it'),
      this.#keep(rest),
      say,
    );
    return 'refused';
  }

  async #attempt(spooled: Spooled): Promise<Delivery> {
    const to = missingOf(this.#email.to, [...spooled.accepted, ...spooled.givenUp]);
    if (to.length === 0) return { kind: 'delivered', accepted: [], refused: [], answer: '' };
    const { sendMail } = await import('./transport.ts');
    return sendMail(this.#email, spooled.mail, to, new Date(spooled.at), this.#patience);
  }

  /** Whether it is safe in the spool; what speaks against it has been said. */
  #keep(spooled: Spooled): boolean {
    try {
      if (this.#spool.put(spooled)) return true;
      this.#say(
        new Failure(
          `the spool ${this.#spool.folder} is full`,
          'get the mail server going, then: rsync-ratchet alert flush',
        ),
      );
    } catch (error) {
      const { message, hint } = asFailure(error);
      this.#say(new Failure(`the spool ${this.#spool.folder} cannot be written: ${message}`, hint));
    }
    return false;
  }

  #sayOf({ mail }: Spooled, { message, hint }: Failure, isKept: boolean, say = this.#say): void {
    const fate = isKept ? 'it waits in the spool and is tried again' : 'it is LOST: the spool did not take it either';
    say(new Failure(`the mail "${mail.subject}" was not delivered: ${message}; ${fate}`, hint));
  }
}
