/**
 * A file that takes what a program prints, and is read while it grows: rsync prints each line by itself, and a pipe wakes us for
 * each. A file can be cut and the program still end with 0 (a full disk, prlimit(1)): so its room is reserved beforehand.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, rmSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** What reserves room for a file, beyond its length, and leaves the length as it is: 0, or an errno; undefined when it could not be asked. */
export type Reserve = (path: string, bytes: number) => Promise<number | undefined>;

/** How often it is looked at, in milliseconds. */
const every = 4;
/** How much is read at a time, in bytes. */
const blockLength = 256 * 1024;
/**
 * statfs(2)'s numbers of ext4 and xfs, which keep what they reserve on a disk that is full afterwards (tried). btrfs says yes,
 * counts the blocks, and refuses the writes all the same (tried); what was never tried is not believed.
 */
const keepers: readonly number[] = [0xef53, 0x58465342];
const newline = 10;

/** Whether a file system of this type, as statfs(2) has it, has room for a file whenever it has said so. */
export function keepsRoom(type: number): boolean {
  return keepers.includes(type);
}

export class ReportFile {
  /** What the program gets as its stdout: it writes from the beginning. */
  readonly descriptor: number;
  /** So many bytes are reserved. A file that is as long may have been cut. */
  readonly bound: number;
  readonly #reading: number;
  readonly #block = Buffer.allocUnsafe(blockLength);
  #read = 0;
  #seen = 0;
  #isClosed = false;

  private constructor(path: string, bound: number) {
    this.bound = bound;
    // Neither O_TRUNC nor O_APPEND: both would undo what is reserved, or where the program writes.
    this.descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    this.#reading = openSync(path, constants.O_RDONLY);
  }

  /** A new file in place of an older one, with its room; or why it cannot be had. */
  static async reserve(path: string, bytes: number, reserve: Reserve): Promise<ReportFile | string> {
    let report: ReportFile | undefined;
    try {
      rmSync(path, { force: true });
      if (!keepsRoom(statfsSync(dirname(path)).type)) return 'the disk of the state is neither ext4 nor xfs';
      report = new ReportFile(path, bytes);
      const errno = await reserve(path, bytes);
      const isReserved = errno === 0 && fstatSync(report.descriptor).blocks * 512 >= bytes; // some say yes and reserve nothing
      if (isReserved) return report;
      report.close();
      rmSync(path, { force: true });
      return errno === 0 ? 'it keeps no room' : `fallocate(2) says errno ${errno ?? 'nothing'}`;
    } catch (error) {
      report?.close();
      return (error as Error).message;
    }
  }

  /** Whether it has reached its bound: then nobody knows what is missing. */
  get isFull(): boolean {
    return fstatSync(this.#reading).size >= this.bound;
  }

  /**
   * Feeds whole lines as they come, once `ready` has come to its end; `grown` is called whenever there is more. Until `end`,
   * which feeds the rest, with whatever stands behind its last newline.
   */
  follow(feed: (bytes: Buffer) => void, grown: () => void, ready: Promise<unknown>): { end(): Promise<void> } {
    let isReady = false;
    let timer: NodeJS.Timeout | undefined;
    let problem: { error: unknown } | undefined;
    const readied = ready.then(() => {
      isReady = true;
    });
    const look = (): void => {
      if (this.#isClosed) return; // the program did not end, and was given up
      try {
        if (this.#hasGrown()) grown();
        timer = setTimeout(look, isReady && this.#feed(feed, false) === blockLength ? 0 : every);
      } catch (error) {
        problem = { error };
      }
    };
    look();
    return {
      end: async () => {
        clearTimeout(timer);
        await readied;
        if (problem !== undefined) throw problem.error;
        while (this.#feed(feed, true) > 0);
      },
    };
  }

  #hasGrown(): boolean {
    const { size } = fstatSync(this.#reading);
    const hasGrown = size > this.#seen;
    this.#seen = size;
    return hasGrown;
  }

  /** Feeds the next lines; how many bytes there were. What is no whole line is read again, but for the last and what is too long for one. */
  #feed(feed: (bytes: Buffer) => void, isLast: boolean): number {
    const length = readSync(this.#reading, this.#block, 0, blockLength, this.#read);
    const block = this.#block.subarray(0, length);
    const lines = block.lastIndexOf(newline) + 1;
    const taken = lines > 0 || !(isLast || length === blockLength) ? lines : length;
    this.#read += taken;
    if (taken > 0) feed(block.subarray(0, taken));
    return taken === 0 ? 0 : length;
  }

  /** Gives the room back: the file is as long as what was written. */
  close(): void {
    this.#isClosed = true;
    ftruncateSync(this.descriptor, fstatSync(this.descriptor).size);
    closeSync(this.descriptor);
    closeSync(this.#reading);
  }
}

/** What takes a program's stdout; what it holds is read once `ready` has come to its end. */
export interface Report {
  readonly file: ReportFile;
  readonly ready: Promise<unknown>;
}

/** Reads what a program prints: from its pipe, or from the file that takes it, whose end is to be asked for. What goes to our own stdout nobody reads. */
export function hear(
  place: 'ours' | Report | undefined,
  stdout: NodeJS.ReadableStream,
  read: (chunk: Buffer) => void,
  progress: () => void,
): { end(): Promise<void> } | undefined {
  if (typeof place === 'object') return place.file.follow(read, progress, place.ready);
  if (place === 'ours') return undefined;
  stdout.on('data', progress);
  stdout.on('data', read);
  return undefined;
}
