/**
 * Alerts on their way: written to the spool first, then sent, and removed when every recipient of every way has them.
 * So none is lost when we are killed in between, and none is sent again to whom it was delivered.
 */
import { escapeText } from '../printable.ts';
import type { Delivery, Refusal } from './channel.ts';
import type { Route } from './channels.ts';
import type { Mail } from './mail.ts';
import { missingOf, spoolName, type Spooled } from './spooled.ts';
import { asFailure, Failure } from '../errors.ts';
import { Spool } from './spool.ts';
import { State } from '../ratchet/state.ts';

/** How long one way may take for one alert, in milliseconds. */
export const alertPatience = 30_000;

/** So much of why an alert waits is kept for `status`, in characters. */
const longestReason = 300;

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
interface Origin {
  readonly repository: string;
  readonly runId: string;
}

export class Outbox {
  readonly #routes: readonly Route[];
  readonly #state: string;
  readonly #say: Say;
  readonly #patience: number;
  readonly #spool: Spool;

  /** `state`: the configuration's folder; `say` is told of all that could not be delivered; `patience` in milliseconds, for each way. */
  constructor(routes: readonly Route[], state: string, say: Say, patience = alertPatience) {
    this.#routes = routes;
    this.#state = state;
    this.#say = say;
    this.#patience = patience;
    this.#spool = new Spool(state);
  }

  /** Sends an alert. Never throws: what goes wrong has been said. */
  async send(mail: Mail, { repository, runId }: Origin, now: Date): Promise<Sent> {
    const spooled: Spooled = { version: 1, repository, runId, at: now.toISOString(), mail, accepted: [], givenUp: [] };
    const isKept = this.#keep(spooled);
    const lock = await this.#spool.lock(this.#longest() / 1000).catch(() => undefined);
    try {
      if (lock === undefined && isKept)
        throw new Failure('another rsync-ratchet is sending alerts', 'see rsync-ratchet alert flush');
      return await this.#sendLocked(spooled, isKept);
    } catch (error) {
      this.#sayOf(spooled, asFailure(error), isKept);
      return isKept ? 'spooled' : 'lost';
    } finally {
      lock?.release();
    }
  }

  /** How long another process may be at it, or a flush, in milliseconds. */
  #longest(): number {
    return 2 * this.#patience * this.#routes.length;
  }

  /** While we waited for the lock, another process may have sent it from the spool. */
  async #sendLocked(spooled: Spooled, isKept: boolean): Promise<Sent> {
    const name = spoolName(spooled.runId, spooled.repository);
    if (isKept && !this.#spool.names().includes(name)) return 'sent';
    const isDelivered = await this.#deliver(isKept ? this.#spool.read(name) : spooled, isKept, new Set());
    return isDelivered ? 'sent' : this.#spool.names().includes(name) ? 'spooled' : 'lost';
  }

  /** Sends what waits in the spool, oldest first, until every way turns out to be down. Never throws. */
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
    const down = new Set<Route>();
    this.#spool.tidy();
    const deadline = Date.now() + this.#longest();
    try {
      for (const name of this.#spool.names()) {
        const isDelivered = await this.#retry(name, now, down, (failure) => {
          failures.push(failure);
        });
        if (isDelivered) sent++;
        if (down.size === this.#routes.length || Date.now() > deadline) break;
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

  async #retry(name: string, now: () => Date, down: Set<Route>, say: Say): Promise<boolean> {
    try {
      const spooled = this.#spool.read(name);
      const isDelivered = await this.#deliver(spooled, true, down, say);
      const { repository, runId } = spooled;
      if (isDelivered)
        await new State(this.#state, repository).append(now(), { event: 'alert-sent', runId, spooledAt: spooled.at });
      return isDelivered;
    } catch (error) {
      say(asFailure(error));
      return false;
    }
  }

  /**
   * Whether all have it now; says what was not delivered, and notes which ways are `down`. Whom a server refuses for good is
   * given up once somebody has the alert, by whatever way; one that nobody has never is. The caller holds the spool's lock.
   */
  async #deliver(spooled: Spooled, isKept: boolean, down: Set<Route>, say = this.#say): Promise<boolean> {
    const deliveries = await this.#attempt(spooled, down);
    const had = [
      ...spooled.accepted,
      ...deliveries.flatMap((each) => (each.kind === 'delivered' ? each.accepted : [])),
    ];
    const refused = deliveries.flatMap((each) => each.refused);
    const lost = had.length === 0 ? [] : refused.filter(({ isFinal }) => isFinal);
    for (const refusal of lost) this.#say(givenUp(refusal, had, spooled));
    const rest = { ...spooled, accepted: had, givenUp: [...spooled.givenUp, ...lost.map(({ address }) => address)] };
    if (this.#missing(rest).length === 0) {
      if (isKept) this.#spool.remove(spoolName(spooled.runId, spooled.repository));
      return true;
    }
    const failures = failuresOf(deliveries, lost);
    const why = escapeText(failures.map(({ message }) => message).join('; '), longestReason);
    const isChanged = had.length > spooled.accepted.length || lost.length > 0;
    const isSafe = isChanged ? this.#keep({ ...rest, why }) : isKept;
    if (!isChanged && isKept) this.#note(rest, why);
    for (const failure of failures) this.#sayOf(spooled, failure, isSafe, say);
    return false;
  }

  /** Tries every way that is not down and has somebody to reach, one after the other. */
  async #attempt(spooled: Spooled, down: Set<Route>): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    for (const route of this.#routes) {
      const to = this.#missing(spooled, [route]);
      if (to.length === 0 || down.has(route)) continue;
      const delivery = await route.channel.send(route.settings, spooled, to, this.#patience);
      if (delivery.kind === 'undelivered' && delivery.isDown) down.add(route);
      deliveries.push(delivery);
    }
    return deliveries;
  }

  /** Who is still to get it. */
  #missing({ accepted, givenUp: lost }: Spooled, routes = this.#routes): string[] {
    return routes.flatMap(({ channel, settings }) => missingOf(channel.recipients(settings), [...accepted, ...lost]));
  }

  /** Whether it is safe in the spool; what speaks against it has been said. */
  #keep(spooled: Spooled): boolean {
    try {
      if (this.#spool.put(spooled)) return true;
      const hint = 'get the mail server, or the program of alerts.command, going, then: rsync-ratchet alert flush';
      this.#say(new Failure(`the spool ${this.#spool.folder} is full`, hint));
    } catch (error) {
      const { message, hint } = asFailure(error);
      this.#say(new Failure(`the spool ${this.#spool.folder} cannot be written: ${message}`, hint));
    }
    return false;
  }

  /** Keeps for `status` why it waits. It is safe in the spool already, and has been said: where this fails nothing is lost. */
  #note(spooled: Spooled, why: string): void {
    if (why === '' || why === spooled.why) return;
    try {
      this.#spool.put({ ...spooled, why });
    } catch {
      // as it was
    }
  }

  #sayOf({ mail }: Spooled, { message, hint }: Failure, isKept: boolean, say = this.#say): void {
    const fate = isKept ? 'it waits in the spool and is tried again' : 'it is LOST: the spool did not take it either';
    say(new Failure(`the alert "${mail.subject}" was not delivered: ${message}; ${fate}`, hint));
  }
}

type Say = (failure: Failure) => void;

function givenUp({ address, why }: Refusal, had: readonly string[], { mail }: Spooled): Failure {
  return new Failure(
    `${address} was refused for good and is given up: ${why}; ${had.join(', ')} has the alert "${mail.subject}"`,
    'check alerts.email.to',
  );
}

/** What went wrong by each way, but for who is given up. */
function failuresOf(deliveries: readonly Delivery[], lost: readonly Refusal[]): Failure[] {
  return deliveries.flatMap((each) => {
    const isGivenUp = each.refused.some((refusal) => lost.includes(refusal));
    if (each.kind === 'undelivered' && !isGivenUp) return [each.failure];
    const later = each.refused.filter((refusal) => !lost.includes(refusal));
    if (later.length === 0) return [];
    const why = later.map(({ address, why: words }) => `${address}: ${words}`).join('; ');
    const hint = 'greylisting passes by itself; else check alerts.email.to. The others have it';
    return [new Failure(`refused for ${why}`, hint)];
  });
}
