/** Pings over HTTP. The address is a secret: it is read from a file and stands in no message. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Monitoring } from '../config/config.ts';
import type { News } from './channel.ts';
import { kumaUrl, pingBody, pingUrl, signalOf, type Signal } from './ping-url.ts';
import { addressIn } from '../config/secret-line.ts';

/** Milliseconds that one attempt may take, how many there are, and how long to wait between them. */
interface PingPatience {
  readonly timeout: number;
  readonly attempts: number;
  readonly between: number;
}

const usual: PingPatience = { timeout: 5000, attempts: 3, between: 1000 };

/** Tells a monitor of a start, if it can be told, or of an end. What fails is a warning and stops nothing. */
export async function tellMonitor(
  settings: NonNullable<Monitoring['ping']>,
  news: Exclude<News, { kind: 'changed' }>,
  warn: (words: string) => void,
  patience = usual,
): Promise<void> {
  const signal = news.kind === 'started' ? 'start' : signalOf(news.exitCode);
  if (signal === undefined || (settings.style === 'kuma' && signal === 'start')) return;
  const body = news.kind === 'started' ? '' : pingBody(news.exitCode, news.runs, settings.findings);
  const base = addressIn(settings.urlFile);
  const fault =
    base instanceof URL ? await tried(requestOf(settings.style, base, signal, news.invocation, body), patience) : base;
  if (fault !== undefined) warn(`the ${signal} ping failed: ${fault} (monitoring.ping)`);
}

interface Request {
  readonly url: URL;
  readonly body: string | null;
}

function requestOf(style: string, base: URL, signal: Signal, rid: string, body: string): Request {
  if (style === 'kuma' && signal !== 'start') return { url: kumaUrl(base, signal, body), body: null };
  return { url: pingUrl(base, signal, rid), body };
}

/** What was wrong with the last attempt; undefined when one came through. */
async function tried(
  { url, body }: Request,
  { timeout, attempts, between }: PingPatience,
): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const fault = await attemptOf(url, body, timeout);
    if (fault === undefined) return undefined;
    if (fault.isFinal || attempt >= attempts) return fault.words;
    await pause(between);
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
