/** One line on a terminal that says how far something long has come. Loaded only where there is a terminal. */
import { clearLine, cursorTo } from 'node:readline';
import type { Amount } from '../audit/books.ts';
import { formatBytes, formatCount } from '../figures.ts';
import type { Progress } from '../programs/progress.ts';

/** The line is drawn so often, in milliseconds: a call for each file must cost nothing. */
const drawnEvery = 100;

/** So many characters the bar has. */
const barWidth = 16;

/** A terminal that does not say how wide it is has so many columns. */
const usualWidth = 80;

/** The line: drawn again and again at one place, and taken away in the end. */
export class ProgressLine {
  readonly #title: string;
  readonly #terminal: NodeJS.WriteStream;
  #first: { readonly at: number; readonly bytes: number } | undefined;
  #drawnAt = -Infinity;
  #isAtZero = true;

  constructor(title: string, terminal: NodeJS.WriteStream) {
    this.#title = title;
    this.#terminal = terminal;
  }

  /** As `Progress`. The rate counts from the first call on: what an interrupted one had done is no speed of ours. */
  readonly show: Progress = (done, total) => {
    const now = performance.now();
    this.#first ??= { at: now, bytes: done.bytes };
    const isFirst = this.#isAtZero && done.files > 0; // the first of many is news
    if (now - this.#drawnAt < drawnEvery && !isFirst) return;
    this.#drawnAt = now;
    this.#isAtZero = done.files === 0;
    if (total.files === 0) return this.#draw(`${this.#title}${namesWords(done.files)}`);
    const rate = rateWords(done.bytes - this.#first.bytes, now - this.#first.at, total.bytes - done.bytes);
    this.#draw(`${this.#title} ${bar(done, total)} ${amountWords(done, total)}${total.bytes === 0 ? '' : rate}`);
  };

  /** Takes the line away. */
  end(): void {
    if (this.#first === undefined) return;
    cursorTo(this.#terminal, 0);
    clearLine(this.#terminal, 0);
  }

  /** Cut one column before the edge: a line that wraps could not be drawn over. */
  #draw(words: string): void {
    cursorTo(this.#terminal, 0);
    this.#terminal.write(words.slice(0, (this.#terminal.columns || usualWidth) - 1));
    clearLine(this.#terminal, 1);
  }
}

/** The bar goes by bytes, or by files where bytes are not known. */
function bar(done: Amount, total: Amount): string {
  const [part, whole] = total.bytes > 0 ? [done.bytes, total.bytes] : [done.files, total.files];
  return '='.repeat(Math.round(barWidth * Math.min(1, part / Math.max(whole, 1)))).padEnd(barWidth, '-');
}

function amountWords(done: Amount, total: Amount): string {
  const size = total.bytes === 0 ? '' : `, ${formatBytes(done.bytes)} of ${formatBytes(total.bytes)}`;
  return `${formatCount(done.files)}/${formatCount(total.files)} files${size}`;
}

/** Of what has no end yet; nothing before it has begun. */
function namesWords(names: number): string {
  return names === 0 ? ' …' : `, ${formatCount(names)} names so far`;
}

/** How fast `bytes` came in so many milliseconds, and how long what is `left` takes; nothing in the first second. */
function rateWords(bytes: number, milliseconds: number, left: number): string {
  if (milliseconds < 1000) return '';
  const perSecond = (bytes * 1000) / milliseconds;
  return `, ${formatBytes(perSecond)}/s${perSecond > 0 ? `, ${timeWords(Math.max(0, left) / perSecond)} left` : ''}`;
}

/** Seconds as `2 h 05 min`, `5 min` or `40 s`. */
function timeWords(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
