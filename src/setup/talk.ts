/** What setup says: each step before it is done, what came of it, and what is right already. */
import type { Console } from '../telling/console.ts';
import type { Questions } from './questions.ts';

export class Talk {
  readonly questions: Questions;
  readonly #console: Console;

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
}
