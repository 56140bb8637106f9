/** One question at a time: to a person on a terminal, or to the options. */
import { createInterface, type Interface } from 'node:readline/promises';
import { isPrintable } from '../config/units.ts';
import { Interrupted, UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';

/** What is to be known. */
interface Question {
  /** The option that answers it, such as `--source`. */
  readonly option: string;
  /** What it is for, in a sentence. */
  readonly why: string;
  readonly text: string;
  /** What Enter means, and what no option means; without one an answer is needed. */
  readonly usual?: string;
  /** What is wrong with an answer. */
  readonly fault?: (answer: string) => string | undefined;
}

export class Questions {
  readonly #console: Console;
  /** Whether there is somebody to ask. */
  readonly isAsking: boolean;
  /** The question that waits for its answer. */
  open: string | undefined;

  constructor(console: Console, isAsking: boolean) {
    this.#console = console;
    this.isAsking = isAsking;
  }

  /** The option's word if there is one, else the answer. Throws UsageError for a wrong option, or where nobody can be asked. */
  async answer(question: Question, given: string | undefined): Promise<string> {
    const { option, why, text, usual } = question;
    const fault = (answer: string): string | undefined =>
      isPrintable(answer) ? question.fault?.(answer) : 'control characters have no place here';
    if (given !== undefined) return settled(option, given, fault(given));
    if (!this.isAsking) {
      if (usual !== undefined) return settled(option, usual, fault(usual));
      throw new UsageError(`${option} is needed where nobody can be asked: ${why}`, 'nothing was done at this step');
    }
    this.#console.say();
    this.#console.say(why);
    for (;;) {
      const typed = (await this.#typed(`${text}${usual === undefined ? '' : ` [${usual}]`}: `)).trim();
      const answer = typed === '' ? usual : typed;
      const wrong = answer === undefined ? 'an answer is needed' : fault(answer);
      if (answer !== undefined && wrong === undefined) return answer;
      this.#console.say(`  ${wrong ?? ''}`, 'warning');
    }
  }

  /** A yes; `usual` is what Enter means, and what is taken where nobody can be asked. */
  async agrees(question: string, usual: boolean): Promise<boolean> {
    if (!this.isAsking) return usual;
    for (;;) {
      const answer = (await this.#typed(`${question} [${usual ? 'Y/n' : 'y/N'}] `)).trim();
      if (answer === '') return usual;
      if (/^(y|yes|n|no)$/i.test(answer)) return /^y/i.test(answer);
      this.#console.say('  y or n', 'warning');
    }
  }

  /** What is typed and not shown. */
  async secret(text: string): Promise<string> {
    const terminal = createInterface({ input: process.stdin, terminal: true }); // without an output nothing is shown; before the question, so that no quick answer is
    process.stderr.write(`${text}: `);
    try {
      return await this.#line(terminal, text, '');
    } finally {
      process.stderr.write('\n');
    }
  }

  #typed(prompt: string): Promise<string> {
    return this.#line(createInterface({ input: process.stdin, output: process.stdout }), prompt, prompt);
  }

  /** Ctrl-C and Ctrl-D break it off. */
  async #line(terminal: Interface, question: string, prompt: string): Promise<string> {
    this.open = question.trim().replace(/:$/, '');
    const left = new Promise<never>((_, reject) => {
      terminal.once('close', () => {
        reject(new Interrupted('SIGINT'));
      });
      terminal.once('SIGINT', () => {
        terminal.close();
      });
    });
    try {
      const answer = await Promise.race([terminal.question(prompt), left]);
      this.open = undefined;
      return answer;
    } finally {
      left.catch(() => undefined);
      terminal.close();
    }
  }
}

function settled(option: string, answer: string, wrong: string | undefined): string {
  if (wrong === undefined) return answer;
  throw new UsageError(`${option} ${answer}: ${wrong}`, 'nothing was done at this step');
}
