/** What setup says: each step before it is done, what came of it, and what is right already. */
import type { Console } from '../telling/console.ts';
import type { Questions } from './questions.ts';

/** What there is to do, in that order. */
const parts = [
  'the way to serverA',
  'the configuration',
  'the replica',
  'the first copy',
  'the test alert',
  'the nightly start',
] as const;
type Part = (typeof parts)[number];

export class Talk {
  readonly questions: Questions;
  readonly #console: Console;
  readonly #finished = new Set<Part>();
  #doing = 'the beginning';

  constructor(console: Console, questions: Questions) {
    this.#console = console;
    this.questions = questions;
  }

  /** The beginning of a part. */
  title(text: string): void {
    this.#console.say();
    this.#console.say(text, 'title');
  }

  /** What is about to be done. */
  step(text: string): void {
    this.#doing = text;
    this.#console.say(`  … ${text}`);
  }

  done(text: string): void {
    this.#console.say(`  ✔ ${text}`, 'good');
  }

  /** What is right as it is. */
  already(text: string): void {
    this.#console.say(`  ✔ already: ${text}`, 'good');
  }

  warn(text: string): void {
    this.#console.say(`  ! ${text}`, 'warning');
  }

  say(text = ''): void {
    this.#console.say(text);
  }

  /** A part is done, or was. */
  finish(part: Part): void {
    this.#finished.add(part);
  }

  /** For who is left in the middle: where, what is done, and what is not. */
  stopped(): void {
    const list = (isDone: boolean): string =>
      parts.filter((part) => this.#finished.has(part) === isDone).join(', ') || 'nothing';
    this.title(`Stopped at: ${this.questions.open ?? this.#doing}`);
    this.say(`  done: ${list(true)}`);
    this.say(`  not done: ${list(false)}`);
  }
}
