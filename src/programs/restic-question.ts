/** What restic is asked, and what its answers are made of. */
import type { Progress } from './progress.ts';
import type { Shows } from './sandbox-view.ts';

/** What restic said to one question. */
export interface Answer {
  readonly isGood: boolean;
  /** Its output and its words, escaped and capped, for people. */
  readonly words: string;
  /** The end of its output. */
  readonly stdout: string;
}

/** What is shown to restic besides the replica. */
export interface Shown {
  readonly candidate?: string;
  /** A config that is shown instead of the replica's own. */
  readonly config?: string;
  /** Paths that are hidden. */
  readonly without?: readonly string[];
  /** Packs that are shown although they are not there, as empty files of so many bytes. */
  readonly standIns?: ReadonlyMap<string, number>;
  /** By default all of the replica, and all of the candidate as if it had been admitted. */
  readonly shows?: Shows;
  /** Whether restic may write indexes (in memory); by default not. */
  readonly mayWrite?: boolean;
}

/** How restic sees the repository: overlays, a copy of hard links, or that copy without isolation. */
export type Road = 'overlay' | 'links' | 'unisolated';

/** What several steps came to. */
export interface Asked {
  /** How many steps ended well; the first that does not is the last. */
  readonly passed: number;
  /** Whether restic said no to the step after these; otherwise, when some are left, the time was over. */
  readonly isRefused: boolean;
  readonly words: string;
}

/** What is to be done with what restic prints. */
export interface Listening {
  /** When all must be over, in milliseconds since 1970. */
  readonly until: number;
  /** Output of a step, piece by piece. */
  readonly onOutput?: (step: number, chunk: Buffer) => void;
  /** A command has ended well: a step, or one index of `each index`. */
  readonly onEnd?: (step: number) => void;
  readonly progress?: Progress | undefined;
}
