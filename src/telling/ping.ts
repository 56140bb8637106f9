/** Pings over HTTP. The address is a secret: it is read from a file and stands in no message. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Monitoring } from '../config/config.ts';
import { kumaUrl, pingBody, pingUrl, signalOf, type Signal } from './ping-url.ts';
import type { Run } from '../ratchet/run.ts';
import { addressIn } from '../config/secret-line.ts';

/** Milliseconds that one attempt may take, how many there are, and how long to wait between them. */
export interface PingPatience {
  readonly timeout: number;
  readonly attempts: number;
  readonly between: number;
}

const usual: PingPatience = { timeout: 5000, attempts: 3, between: 1000 };

/** One invocation's pings: `/start`, then the end. A ping that fails is a warning and stops nothing. */
export class Pinger {
  readonly #settings: Monitoring['ping'];
  readonly #warn: (words: string) => void;
  readonly #patience: PingPatience;
  readonly #rid = randomUUID();
  #started: Promise<void> | undefined;

  /** `settings`: `monitoring.ping`; without it nothing is ever sent. */
  constructor(settings: Monitoring['ping'], warn: (words: string) => void, patience = usual) {
    this.#settings = settings;
    this.#warn = warn;
    this.#patience = patience;
  }

  /** Says that the work begins, once, without holding it up; to a monitor that can be told. */
  start(): void {
    this.#started ??= this.#ping('start', '');
  }

  /** Says how it ended. Never throws. */
  async end(exitCode: number, runs: readonly Run[]): Promise<void> {
    await this.#started;
    const signal = signalOf(exitCode);
    if (signal !== undefined) await this.#ping(signal, pingBody(exitCode, runs, this.#settings?.findings === true));
  }

  async #ping(signal: Signal, body: string): Promise<void> {
    if (this.#settings === undefined) return;
    const base = addressIn(this.#settings.urlFile);
    if (this.#settings.style === 'kuma' && signal === 'start') return;
    const fault = base instanceof URL ? await this.#try(this.#request(base, signal, body)) : base;
    if (fault !== undefined) this.#warn(`the ${signal} ping failed: ${fault} (monitoring.ping)`);
  }

  #request(base: URL, signal: Signal, body: string): { url: URL; body: string | null } {
    if (this.#settings?.style === 'kuma' && signal !== 'start') return { url: kumaUrl(base, signal, body), body: null };
    return { url: pingUrl(base, signal, this.#rid), body };
  }

  /** What was wrong with the last attempt; undefined when one came through. */
  async #try(request: { url: URL; body: string | null }): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      const fault = await attemptOf(request.url, request.body, this.#patience.timeout);
      if (fault === undefined) return undefined;
      if (fault.isFinal || attempt >= this.#patience.attempts) return fault.words;
      await pause(this.#patience.between);
    }
  }
}

/** One request. The error's own words may quote the address, so only its code is told. */
async function attemptOf(
  url: URL,
  body: string | null,
  timeout: number,
): Promise<{ words: string; isFinal: boolean } | undefined> {
  try {
    const answer = await fetch(url, {
      ...(body === null ? { method: 'GET' } : { method: 'POST', body, headers: { 'content-type': 'text/plain' } }),
      signal: AbortSignal.timeout(timeout),
    });
    await answer.body?.cancel();
    if (answer.ok) return undefined;
    const mayPass = answer.status >= 500 || answer.status === 429 || answer.status === 408;
    return { words: `the monitor answered ${answer.status}`, isFinal: !mayPass };
  } catch (error) {
    if ((error as Error).name === 'TimeoutError')
      return { words: `no answer within ${timeout / 1000} s`, isFinal: false };
    const { cause } = error as { cause?: NodeJS.ErrnoException };
    return { words: `no connection (${cause?.code ?? 'unknown error'})`, isFinal: false };
  }
}
