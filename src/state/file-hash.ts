/** SHA-256 of open files of any size. */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/** 64 KiB read synchronously into one buffer hashes at twice the speed of a stream. */
const buffer = Buffer.allocUnsafe(64 * 1024);

/** Of a file from its current position to its end, hexadecimal: who may append to it is found out by it. */
export function sha256OfFile(file: number): string {
  const hash = createHash('sha256');
  for (;;) {
    const length = readSync(file, buffer, 0, buffer.length, null);
    if (length === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, length));
  }
}

/** How long files are read before a signal is heard, in milliseconds. */
const breath = 50;

/** The same for many files, or large ones: a replica takes hours, and signals come through only while we wait. */
export class PatientHash {
  readonly #interrupt: AbortSignal;
  #breathedAt = performance.now();

  constructor(interrupt: AbortSignal) {
    this.#interrupt = interrupt;
  }

  /** `onRead` is told how many bytes came, each time. Throws the reason of an interrupt, and what read(2) throws. */
  async of(file: number, onRead: (bytes: number) => void = () => undefined): Promise<string> {
    const hash = createHash('sha256');
    for (;;) {
      const length = readSync(file, buffer, 0, buffer.length, null);
      onRead(length);
      hash.update(buffer.subarray(0, length));
      if (performance.now() - this.#breathedAt > breath) await this.#breathe();
      if (length === 0) return hash.digest('hex');
    }
  }

  async #breathe(): Promise<void> {
    await setImmediate();
    this.#breathedAt = performance.now();
    this.#interrupt.throwIfAborted();
  }
}
