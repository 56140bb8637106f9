/** One line on a terminal that says how far something long has come. Loaded only where there is a terminal. */
import { formatBytes, formatCount } from '../figures.ts';
import cliProgress from 'cli-progress';
import type { Amount } from '../audit/books.ts';
import type { Progress } from '../programs/progress.ts';

/** The line is drawn so often, in milliseconds: a call for each file must cost nothing. */
const drawnEvery = 100;

export class ProgressLine {
  readonly #bar: cliProgress.SingleBar;
  #startedAt = 0;
  #startedWith = 0;
  #drawnAt = 0;

  constructor(title: string, terminal: NodeJS.WriteStream) {
    this.#bar = new cliProgress.SingleBar({
      stream: terminal,
      format: `${title} {bar} {files} files{size}{rate}`,
      barsize: 16,
      barCompleteChar: '=',
      barIncompleteChar: '-',
      clearOnComplete: true,
      gracefulExit: false,
      etaBuffer: 100,
    });
  }

  /** As `Progress`. The rate counts from the first call on: what an interrupted one had done is no speed of ours. */
  readonly show: Progress = (done, total) => {
    const now = performance.now();
    if (this.#startedAt === 0) this.#start(done, total, now);
    if (now - this.#drawnAt < drawnEvery) return;
    this.#drawnAt = now;
    this.#bar.setTotal(Math.max(measureOf(total, total), 1));
    this.#bar.update(measureOf(done, total), this.#words(done, total, now));
  };

  #start(done: Amount, total: Amount, now: number): void {
    this.#startedAt = now;
    this.#startedWith = done.bytes;
    this.#bar.start(Math.max(measureOf(total, total), 1), measureOf(done, total), this.#words(done, total, now));
  }

  #words(done: Amount, total: Amount, now: number): object {
    const perSecond = ((done.bytes - this.#startedWith) * 1000) / Math.max(now - this.#startedAt, 1);
    const left = perSecond > 0 ? Math.max(0, total.bytes - done.bytes) / perSecond : Infinity;
    return {
      files: `${formatCount(done.files)}/${formatCount(total.files)}`,
      size: total.bytes === 0 ? '' : `, ${formatBytes(done.bytes)} of ${formatBytes(total.bytes)}`,
      rate:
        total.bytes === 0 || now - this.#startedAt < 1000
          ? ''
          : `, ${formatBytes(perSecond)}/s${Number.isFinite(left) ? `, ${timeWords(left)} left` : ''}`,
    };
  }

  /** Takes the line away. */
  end(): void {
    if (this.#startedAt !== 0) this.#bar.stop();
  }
}

/** The bar goes by bytes, or by files where bytes are not known. */
function measureOf(amount: Amount, total: Amount): number {
  return total.bytes > 0 ? amount.bytes : amount.files;
}

/** Seconds as `2 h 05 min`, `5 min` or `40 s`. */
function timeWords(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
