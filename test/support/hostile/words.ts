/** The words in which lies are ordered; liar.mjs understands them. All of it is data (JSON). */

/** What a liar does at a moment, in this order. */
export interface Act {
  /** Bytes outside any frame. */
  readonly raw?: string;
  /** A frame with this tag (wire.mjs, `tags`), `text` (latin1, `repeat` times) or `bytes` in it, sent `times` times. */
  readonly tag?: number;
  readonly text?: string;
  readonly repeat?: number;
  readonly bytes?: readonly number[];
  readonly times?: number;
  /** So many bytes of text to stderr. */
  readonly stderr?: number;
  /** So many milliseconds before each of them. */
  readonly every?: number;
  /** From now on one byte a second. */
  readonly slow?: boolean;
  /** First an hour passes for a clock of our side (`clock` of the attack); with `hang` hour after hour. */
  readonly hour?: boolean;
  /** Silence until the client has gone. */
  readonly hang?: boolean;
  /** Silence for ever, whoever goes. */
  readonly deaf?: boolean;
  /** The liar's exit code, at once. */
  readonly exit?: number;
}

/** An entry of the file list said otherwise. */
export interface Entry {
  readonly type?: 'file' | 'folder' | 'symlink' | 'fifo' | 'socket' | 'block' | 'character';
  readonly size?: number;
  readonly mtime?: number;
  readonly mode?: number;
  /** Further flags on the wire; 0x100: a folder "without content". */
  readonly flags?: number;
}

/** How an item that was asked for is echoed. */
export type Echo = 'drop' | 'twice' | { readonly flags?: number; readonly also?: readonly Extra[] };

/** An index that nobody asked for, by path or number. */
export interface Extra {
  readonly path?: string;
  readonly index?: number;
  readonly flags?: number;
  /** Sent as the file's content. */
  readonly content?: string;
  readonly times?: number;
}

/** How a file's content is sent. */
export interface Data {
  readonly flipped?: boolean;
  /** Another file's content. */
  readonly of?: string;
  /** So many bytes less. */
  readonly cut?: number;
  /** A text behind it. */
  readonly more?: string;
  /** So many chunks of 32 KiB in the middle of it. */
  readonly chunks?: number;
  readonly wrongSum?: boolean;
}

/** A sender that speaks alone (sender.mjs). */
export interface Alone {
  readonly by?: 'alone';
  /** By path; null: not listed; `folders`: all folders. */
  readonly list?: Readonly<Record<string, Entry | null>>;
  /** `count` thousand invented files more: `below` and a number, or a hash. */
  readonly moreEntries?: { readonly count: number; readonly below: string; readonly name: 'hash' | 'number' | 'long' };
  /** Lists what this pass asks for, whatever was asked. */
  readonly pass?: 'snapshots' | 'data';
  /** The io-error at the end of the list. */
  readonly listError?: number;
  /** By path; `*`: all others. */
  readonly echo?: Readonly<Record<string, Echo>>;
  readonly data?: Readonly<Record<string, Data>>;
  /**
   * By moment: connect (before the first byte), preamble (before the list), filters (when the client's have been read), list (half-way),
   * listed, asked (the first item), `asked PATH`, file (half-way in a file), done 1 to 3, stats, end.
   */
  readonly acts?: Readonly<Record<string, readonly Act[]>>;
}

/** A liar between a real sender and the client (proxy.mjs). */
export interface Proxy {
  readonly by: 'proxy';
  /** By moment: preamble, frame N (before the nth), end. */
  readonly acts?: Readonly<Record<string, readonly Act[]>>;
  /** Bytes for bytes in what the frames carry. */
  readonly replace?: readonly (readonly [string, string])[];
  /** The nth frames are left out. */
  readonly drop?: readonly number[];
}

export type Lie = Alone | Proxy;

/** Where our rsync itself trips over the lie or lets it through, as its version has it: it fails, or our books do not add up. */
export const rsyncDecides = [1, 3];

/** One attack: what serverA does, and what must come of it. */
export interface Attack {
  readonly name: string;
  /** Another row is its neighbour and stands for both in the ordinary suite; the release check runs it too. */
  readonly rare?: boolean;
  /** In every dry run, in that of data/ alone, in the fetch, or in the nth call of the night; other calls are honest. */
  readonly audit?: Lie;
  readonly packs?: Lie;
  readonly fetch?: Lie;
  readonly calls?: Readonly<Record<number, Lie>>;
  /** What is run (shell) for each channel when it is opened, before the client speaks; the `$start`th of the night. */
  readonly channel?: string;
  /** Whether serverA has deleted a pack and changed another, which the lie is to hide. */
  readonly crime?: boolean;
  /** By default `sync`. */
  readonly command?: 'audit' | 'sync';
  readonly exits: readonly number[];
  /** Findings that must be among those told: `rule` or `rule path`. */
  readonly finds?: readonly string[];
  /** What the failure says. */
  readonly says?: RegExp;
  /** Of the fresh files those that are in the replica afterwards; by default none, after exit 0 all. */
  readonly admits?: readonly string[];
  /** timeouts.stall and timeouts.run. */
  readonly stall?: string;
  readonly run?: string;
  /** Which clock of our side hours pass for (support/hurry.ts); by default that of deadlines. */
  readonly clock?: 'stall' | 'run';
  readonly limits?: { readonly newFiles?: number; readonly newBytes?: string };
  /** How many old files are fetched and hashed first, in a fetch of their own; by default none. */
  readonly spotCheck?: number;
  /** rsync.sandbox; by default off, so that nothing but our own care protects the replica. */
  readonly sandbox?: 'auto' | 'off';
  /** An honest night afterwards brings all that is new. */
  readonly heals?: boolean;
  /** At most so many bytes may our side take from the liar. */
  readonly takes?: number;
}
