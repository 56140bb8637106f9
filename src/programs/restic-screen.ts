/** What restic prints, as it goes on: bytes where nobody looks; on a terminal without what could command it, and progress on one line. */
import { forTerminal } from '../printable.ts';
import { resticSays } from './restic-words.ts';

/** Where it goes. */
export type Sink = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean };

const [clear, toTheStart] = ['\x1b[K', '\r'];
/** A line of progress is not longer; what may still become one is held back. */
const longest = 200;

export class Screen {
  readonly #sink: Sink;
  readonly #decoder = new TextDecoder();
  #held = '';
  #isShowing = false;
  #isInLine = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  readonly show = (chunk: Uint8Array): void => {
    if (this.#sink.isTTY !== true) {
      this.#sink.write(chunk);
      return;
    }
    const [last = '', ...lines] = (this.#held + this.#decoder.decode(chunk, { stream: true })).split('\n').reverse();
    for (const line of lines.reverse()) this.#line(line);
    this.#held = last;
    if (!last.startsWith('[') || last.length > longest) this.#flush();
  };

  /** Shows what was held back, and leaves the cursor where the next one can write. */
  end(): void {
    this.#flush();
    if (this.#isShowing) this.#sink.write('\n');
    this.#isShowing = false;
  }

  #line(line: string): void {
    const isProgress = !this.#isInLine && resticSays.progress.pattern.test(line);
    if (isProgress) {
      this.#sink.write(`${toTheStart}${forTerminal(line)}${clear}`);
      this.#isShowing = true;
      return;
    }
    this.#write(`${line}\n`);
    this.#isInLine = false;
  }

  #flush(): void {
    if (this.#held === '') return;
    this.#write(this.#held);
    this.#held = '';
    this.#isInLine = true;
  }

  /** The last progress stays: restic says an empty line behind it, or something else comes on the next one. */
  #write(text: string): void {
    this.#sink.write(`${this.#isShowing && text !== '\n' ? '\n' : ''}${forTerminal(text)}`);
    this.#isShowing = false;
  }
}
