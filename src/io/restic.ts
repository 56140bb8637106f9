/** restic, asked about a view of the repository, without a network. Its answers are values; only our own trouble throws. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../core/config.ts';
import { escapeText } from '../core/itemize.ts';
import { Failure } from '../errors.ts';
import { findProgram, run, type Ended } from './process.ts';
import type { Progress } from './progress.ts';
import { ownPaths } from './replica.ts';
import { canIsolate, isolatedCommand, linkView, overlayRefused, passwordRefused, unisolatedCommand, viewFailed, type View } from './sandbox.ts';

/** What restic said to one question. */
export interface Answer {
  readonly isGood: boolean;
  /** Its output and its words, escaped and capped, for people. */
  readonly words: string;
  readonly stdout: string;
}

/** What is shown to restic besides the replica. */
export interface Shown {
  readonly candidate?: string;
  /** A config that is shown instead of the replica's own. */
  readonly config?: string;
  /** Paths that are hidden. */
  readonly without?: Iterable<string>;
}

/** How restic sees the repository: overlays, a copy of hard links, or that copy without isolation. */
export type Road = 'overlay' | 'links' | 'unisolated';

const outputKept = 16 * 1024 * 1024;
/** restic retries what it cannot read for about 45 seconds; what is missing will not come. */
const retrying = 'returned error, retrying';
/** A host that no snapshot has: loads every index, and looks at no snapshot. */
const noHost = 'rsync-ratchet-asks-for-no-snapshot';

export class Restic {
  readonly #repository: Repository;
  readonly #passwordFile: string;
  readonly #scratch: string;
  readonly #interrupt: AbortSignal;
  #road: Road | undefined;

  /** `scratch`: a private folder. `road`: taken as given instead of found out. */
  constructor(repository: Repository, passwordFile: string, scratch: string, interrupt: AbortSignal, road?: Road) {
    this.#repository = repository;
    this.#passwordFile = passwordFile;
    this.#scratch = scratch;
    this.#interrupt = interrupt;
    this.#road = road;
  }

  /** Can the repository be opened, do all indexes load, do all of these snapshots decrypt, and can their trees be read? */
  async opens(shown: Shown, snapshots: readonly string[]): Promise<Answer> {
    const which = snapshots.length > 0 ? snapshots : ['--host', noHost];
    const answer = await this.#ask(shown, ['stats', '--mode', 'raw-data', ...which]);
    const processed = Number(/Snapshots processed:\s+(\d+)/.exec(answer.stdout)?.[1] ?? -1);
    return { ...answer, isGood: answer.isGood && processed === snapshots.length };
  }

  /** The IDs of the snapshots that decrypt. */
  async decryptingSnapshots(shown: Shown): Promise<ReadonlySet<string>> {
    const answer = await this.#ask(shown, ['snapshots', '--json']);
    if (!answer.isGood) return new Set();
    return new Set((JSON.parse(answer.stdout) as { id: string }[]).map(({ id }) => id));
  }

  async indexDecrypts(shown: Shown, id: string): Promise<Answer> {
    return this.#ask(shown, ['cat', 'index', id]);
  }

  /** Can the repository be opened with the keys that are shown? */
  async unlocks(shown: Shown): Promise<Answer> {
    return this.#ask(shown, ['cat', 'config']);
  }

  /** Is everything there that the snapshots need? `share`: `n/t` of the packs are read and hashed as well, which `progress` counts. */
  async isComplete(shown: Shown, share?: string, progress?: Progress): Promise<Answer> {
    return this.#ask(shown, ['check', ...(share === undefined ? [] : [`--read-data-subset=${share}`])], progress);
  }

  async #ask(shown: Shown, args: readonly string[], progress?: Progress): Promise<Answer> {
    const view: View = {
      replica: this.#repository.replica, candidate: shown.candidate, config: shown.config, without: [...(shown.without ?? [])], // read more than once
      passwordFile: this.#passwordFile, program: findProgram(this.#repository.restic.path, 'restic'),
    };
    const road = (this.#road ??= await this.#findRoad());
    const answer = await this.#askOn(road, view, args, progress);
    if (answer !== undefined) return answer;
    this.#road = 'links';
    return this.#ask(shown, args, progress);
  }

  /** Without namespaces restic would see the network and every secret: only with the operator's word. */
  async #findRoad(): Promise<Road> {
    if (await canIsolate()) return 'overlay';
    if (this.#repository.restic.prove === 'unisolated') return 'unisolated';
    throw new Failure(
      'restic cannot be isolated: this kernel refuses namespaces (unshare)',
      'allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), run as root, or say restic.prove: unisolated. Nothing was admitted',
    );
  }

  /** Undefined when the kernel refuses this road. */
  async #askOn(road: Road, view: View, args: readonly string[], progress: Progress | undefined): Promise<Answer | undefined> {
    const all = ['--no-lock', '--no-cache', ...args];
    const links = join(ownPaths(view.replica).own, 'view');
    try {
      if (road !== 'overlay') await linkView(view, links);
      const command = road === 'unisolated'
        ? unisolatedCommand(view, this.#scratch, links, all)
        : isolatedCommand(view, this.#scratch, road === 'links' ? links : undefined, all);
      const { ended, stdout } = await this.#run(progress === undefined ? command : { ...command, env: { ...command.env, RESTIC_PROGRESS_FPS: '2' } }, progress);
      if (ended.code === passwordRefused) throw passwordFailure(view, ended.stderr);
      if (ended.code === viewFailed) throw sandboxFailure(ended);
      if (road === 'overlay' && ended.code === overlayRefused) return undefined;
      return requireReadable(view, answerOf(ended, stdout));
    } finally {
      rmSync(links, { recursive: true, force: true });
    }
  }

  async #run(command: Parameters<typeof run>[0], progress: Progress | undefined): Promise<{ ended: Ended; stdout: string }> {
    const [out, said]: [Buffer[], Buffer[]] = [[], []];
    let length = 0;
    // restic says nothing for hours while it works, so it has one clock: that of a whole run.
    const patience = this.#repository.timeouts.run;
    const bounds = { stall: patience, deadline: Date.now() + patience, interrupt: this.#interrupt };
    const keep = (kept: Buffer[]) => (chunk: Buffer): void => {
      if ((length += chunk.length) <= outputKept) kept.push(chunk);
      if (kept === said && chunk.includes(retrying)) throw new GaveUp();
      if (kept === out && progress !== undefined) tellPacks(chunk, progress);
    };
    let ended: Ended;
    try {
      ended = await run(command, bounds, keep(out), keep(said));
    } catch (error) {
      if (!(error instanceof GaveUp)) throw error;
      ended = { code: undefined, signal: undefined, stderr: Buffer.concat(said).toString('utf8'), stopped: 'refused' };
    }
    if (this.#interrupt.aborted) throw this.#interrupt.reason;
    return { ended, stdout: Buffer.concat(out).toString('utf8') };
  }
}

/** How many packs have been read of how many, from restic's last line of progress: `[0:01] 41.67%  5 / 12 packs`. */
function tellPacks(chunk: Buffer, progress: Progress): void {
  const parts = chunk.toString('latin1').split(/ (\d+) \/ (\d+) packs/);
  if (parts.length > 3) progress({ files: Number(parts.at(-3)), bytes: 0 }, { files: Number(parts.at(-2)), bytes: 0 });
}

const progressLine = /^\[\d+:\d\d/;

/** Thrown to stop a restic that waits for what will not come. */
class GaveUp extends Error {}

function sandboxFailure(ended: Ended): Failure {
  return new Failure(`the view of the repository for restic could not be made: ${escapeText(ended.stderr)}`, 'see the message; rsync-ratchet --verbose sync says more. Nothing was admitted');
}

/** What restic was not allowed to read: `Load(<index/1b95>, 0, 0) …: open /repo/index/…: permission denied`. */
const denied = /: (?:open|stat|lstat) (\/[^;]*): permission denied(?:;|$)/;

/** The answer; throws Failure when restic may not read what it was shown: that is no damage, and nothing can be said of the data. */
function requireReadable(view: View, answer: Answer): Answer {
  const path = answer.isGood ? undefined : denied.exec(answer.words)?.[1];
  if (path === undefined) return answer;
  if (path === view.passwordFile) throw passwordFailure(view, answer.words);
  throw new Failure(`restic may not read the replica: ${answer.words}`, `run as the user who owns the replica, or give it whole to the one who runs this (root, too): chown -R "$(id -un)" ${view.replica}. Nothing was checked or admitted`);
}

function passwordFailure({ passwordFile }: View, words: string): Failure {
  return new Failure(`restic.passwordFile cannot be read: ${escapeText(words.trim())}`, `make it readable for the user who runs this: chown "$(id -un)" ${passwordFile}; chmod 600 ${passwordFile}. Nothing was checked or admitted`);
}

/** restic 0.14 prints Go's stack behind an error; nobody needs that. */
const stackLine = /^\s*(\S+\.go:\d+|(github\.com|runtime|main|golang\.org)[./]\S*)$/;

function answerOf(ended: Ended, stdout: string): Answer {
  const said = ended.stderr.trim() === '' ? stdout : ended.stderr;
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !stackLine.test(line) && !progressLine.test(line)).slice(0, wordsKept).map((line) => escapeText(line, 200));
  const words = ended.stopped === 'deadline' ? 'not done within timeouts.run' : lines.join('; ');
  return { isGood: ended.code === 0 && ended.stopped === undefined, words, stdout };
}

const wordsKept = 20;
