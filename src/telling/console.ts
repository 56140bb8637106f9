/** The one room for words on a terminal: what goes to stdout and stderr, colour, and how much is said. */
import { Chalk } from 'chalk';
import { Failure } from '../errors.ts';
import { escapeLines, escapeText, forDocument, forTerminal } from '../printable.ts';
import type { Progress } from '../programs/progress.ts';
import type { ProgressLine } from './progress.ts';

export interface ConsoleOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** What a line means; a colour on a terminal, nothing elsewhere. */
export type Tone = 'plain' | 'good' | 'warning' | 'bad' | 'title';

export class Console {
  /** Whether this invocation has given its document: a second one would make both unreadable. */
  static hasDocument = false;

  readonly #options: ConsoleOptions;
  readonly #out: InstanceType<typeof Chalk>;
  readonly #error: InstanceType<typeof Chalk>;

  /** The line of progress that is on the terminal. Whatever else is said takes it away; the next news draws it again. */
  #line: ProgressLine | undefined;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#out = new Chalk({ level: colourLevel(options, process.stdout.isTTY) });
    this.#error = new Chalk({ level: colourLevel(options, process.stderr.isTTY) });
  }

  /** One document for programs, who may be somebody at a terminal; nothing else goes to stdout then. */
  document(text: string): void {
    Console.hasDocument = true;
    process.stdout.write(`${forDocument(text)}\n`);
  }

  /** What people asked for: always shown, but for `--json`. Whoever chose its words, no control character of theirs reaches a terminal. */
  say(line = '', tone: Tone = 'plain'): void {
    this.#line?.end();
    if (!this.#options.json) process.stdout.write(`${this.#toned(forTerminal(line), tone)}\n`);
  }

  /** What is good to know when all is well: silent under `--quiet`. */
  mention(line = '', tone: Tone = 'plain'): void {
    if (!this.#options.quiet) this.say(line, tone);
  }

  /** What is being done: only with `--verbose`, on stderr. */
  detail(line: string): void {
    this.#line?.end();
    if (this.#options.verbose) process.stderr.write(`${this.#error.dim(forTerminal(line))}\n`);
  }

  /** What is good to know beside what goes to stdout: silent under `--quiet`, on stderr. */
  note(line: string): void {
    this.#line?.end();
    if (!this.#options.quiet) process.stderr.write(`${escapeText(line, 2000)}\n`);
  }

  /** What should not have been and stops nothing, on stderr. */
  warn(text: string): void {
    this.#line?.end();
    process.stderr.write(`${this.#error.yellow('warning:')} ${escapeText(text, 2000)}\n`);
  }

  /**
   * Runs something long beside a line that shows how far it is; `work` gets nothing where there is no terminal to show it,
   * under `--quiet` and `--json`, or while another line is shown.
   */
  async withProgress<T>(title: string, work: (progress: Progress | undefined) => Promise<T>): Promise<T> {
    const { quiet, json } = this.#options;
    if (quiet || json || !isFancy(this.#options, process.stderr.isTTY)) return work(undefined);
    const { ProgressLine } = await import('./progress.ts');
    if (this.#line !== undefined) return work(undefined);
    const line = (this.#line = new ProgressLine(title, process.stderr));
    try {
      return await work(line.show);
    } finally {
      line.end();
      this.#line = undefined;
    }
  }

  /** An error with its hint, on stderr. Either may hold serverA's words, so they are escaped here; a hint keeps its letters, for commands are copied from it. */
  error(failure: Failure): void {
    this.#line?.end();
    process.stderr.write(`${this.#error.red('error:')} ${escapeLines(failure.message)}\n`);
    if (failure.hint !== '') process.stderr.write(`${this.#error.dim('hint:')} ${forTerminal(failure.hint)}\n`);
    if (this.#options.verbose && failure.cause instanceof Error)
      process.stderr.write(`${escapeLines(failure.cause.stack ?? '')}\n`);
  }

  #toned(line: string, tone: Tone): string {
    const paint = {
      plain: (text: string) => text,
      good: this.#out.green,
      warning: this.#out.yellow,
      bad: this.#out.red,
      title: this.#out.bold,
    };
    return paint[tone](line);
  }
}

function colourLevel(options: ConsoleOptions, isTerminal: boolean): 0 | 1 {
  return isFancy(options, isTerminal) ? 1 : 0;
}

/** Colour and progress: only on a terminal that can, and never with NO_COLOR (https://no-color.org). */
function isFancy(options: ConsoleOptions, isTerminal: boolean): boolean {
  return options.color && isTerminal && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
}
