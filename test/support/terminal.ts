/** A program on a pseudo-terminal, and somebody who reads and types. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** Python's pty copies between us and the terminal; its exit code is the program's. */
const driver = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<number | null>;
  #text = '';
  #read = 0;
  #heard: () => void = () => undefined;
  #code: number | null | undefined;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>, cwd: string) {
    this.#child = spawn('python3', ['-c', driver, ...argv], { env, cwd });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#text += stripVTControlCharacters(chunk.toString('utf8')).replaceAll('\r', '');
      this.#heard();
    });
    this.#child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        this.#code = code;
        this.#heard();
        resolve(code);
      });
    });
  }

  /** All that was shown. */
  get text(): string {
    return this.#text;
  }

  /** Waits until that is shown, behind what was waited for before; what it matched. Rejects when the program ends first, or says nothing for a minute. */
  async see(expected: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = expected.exec(this.#text.slice(this.#read));
      if (found !== null) {
        this.#read += found.index + found[0].length;
        return found;
      }
      if (this.#code !== undefined) throw new Error(`ended with ${this.#code}, and never showed ${String(expected)}:\n${this.#text}`);
      await this.#news();
    }
  }

  /** Waits until more is shown, or the program ends. */
  async #news(): Promise<void> {
    const heard = new Promise<void>((resolve) => { this.#heard = resolve; });
    const silence = setTimeout(() => { this.#child.kill('SIGKILL'); }, 60_000);
    await heard.finally(() => { clearTimeout(silence); });
  }

  /** Waits for a question, and answers it with a line. */
  async answer(question: RegExp, line: string): Promise<void> {
    await this.see(question);
    this.#child.stdin.write(`${line}\r`);
  }

  /** Waits for a question, and types Ctrl-C, or another key. */
  async breakOff(question: RegExp, key = '\x03'): Promise<void> {
    await this.see(question);
    this.#child.stdin.write(key);
  }

  /** Waits for any question, a line without an end that `isOne` knows; undefined when the program ends without one more. */
  async nextQuestion(isOne: (line: string) => boolean): Promise<string | undefined> {
    const line = (): string => this.#text.slice(Math.max(this.#read, this.#text.lastIndexOf('\n') + 1));
    while (!isOne(line())) {
      if (this.#code !== undefined) return undefined;
      await this.#news();
    }
    const question = line();
    this.#read = this.#text.length;
    return question;
  }

  /** Types something. */
  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Its exit code. */
  end(): Promise<number | null> {
    return this.#ended;
  }
}
