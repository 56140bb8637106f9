/** restic, asked about a view of the repository, without a network. Its answers are values; only our own trouble throws. */
import { namesIn } from '../state/files.ts';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import { countedSnapshots, rebuildIndex, resticCodes, saysNoKeyFits } from './restic-words.ts';
import { findProgram } from './process.ts';
import type { Progress } from './progress.ts';
import { ownPaths, pathOf } from '../replica-path.ts';
import {
  codeOf,
  notIsolated,
  OutOfTime,
  passwordFailure,
  requirePassword,
  sandboxFailure,
  unreadable,
  wordsOf,
} from './restic-failures.ts';
import type { Password } from './restic-password.ts';
import { requireRestic, type KnownRestic } from './restic-version.ts';
import { overlayRefused, passwordRefused } from './sandbox-script.ts';
import { canIsolate, isolatedCommand, unisolatedCommand, type Step } from './sandbox.ts';
import { linkView, type Shows, type View } from './sandbox-view.ts';
import { StepReader } from './steps.ts';
import type { Answer, Asked, Listening, Road, Shown } from './restic-question.ts';
import { type Ran, runRestic } from './restic-run.ts';

const everything: Shows = { data: 'cr', index: 'cr', keys: 'cr', snapshots: 'cr' };

/** A repository, and the restic that is asked about it. */
export class Restic {
  readonly #repository: Repository;
  readonly #password: () => Promise<Password>;
  readonly #scratch: string;
  readonly #interrupt: AbortSignal;
  #road: Road | undefined;
  readonly #known: KnownRestic | null;
  #program: Promise<KnownRestic> | undefined;

  /** `scratch`: a private folder. `password` is asked for at the first question. `road`: taken as given instead of found out. `known`: what is known of the program. */
  constructor(
    repository: Repository,
    password: () => Promise<Password>,
    scratch: string,
    interrupt: AbortSignal,
    road?: Road,
    known: KnownRestic | null = null,
  ) {
    this.#known = known;
    this.#repository = repository;
    this.#password = password;
    this.#scratch = scratch;
    this.#interrupt = interrupt;
    this.#road = road;
  }

  /** Can the repository be opened, do all indexes load, do all of these snapshots decrypt, and can their trees be read? */
  async opens(shown: Shown, snapshots: readonly string[], until: number): Promise<Answer> {
    // A host that no snapshot has, because nobody can guess it: loads every index, and looks at no snapshot.
    const which = snapshots.length > 0 ? snapshots : ['--host', randomBytes(16).toString('hex')];
    const answer = await this.#answer(shown, ['stats', '--mode', 'raw-data', ...which], until);
    return { ...answer, isGood: answer.isGood && countedSnapshots(answer.stdout) === snapshots.length };
  }

  async snapshotDecrypts(shown: Shown, id: string, until: number): Promise<Answer> {
    return this.#answer(shown, ['cat', 'snapshot', id], until);
  }

  /** Can the repository be opened with the keys that are shown? */
  async unlocks(shown: Shown, until: number): Promise<Answer> {
    const { ended, stdout } = await this.#ask(shown, [['cat', 'config']], { until });
    if (ended.stopped === 'deadline') throw new OutOfTime();
    const isGood = ended.code === resticCodes.yes;
    if (!isGood) await this.#requireReadable(shown, until);
    if (!isGood && !saysNoKeyFits(ended.code, ended.stderr)) codeOf(ended, this.#repository.restic.memory);
    return { isGood, words: wordsOf(ended, stdout), stdout };
  }

  /** Can restic go on behind these keys: does one fit, or are they all for other passwords? */
  async passesKeys(shown: Shown, until: number): Promise<Answer> {
    const { ended, stdout } = await this.#ask(shown, [['cat', 'config']], { until });
    if (ended.stopped === 'deadline') throw new OutOfTime();
    const isGood = ended.code === resticCodes.yes || saysNoKeyFits(ended.code, ended.stderr);
    if (!isGood) codeOf(ended, this.#repository.restic.memory);
    return { isGood, words: wordsOf(ended, stdout), stdout };
  }

  /** Is everything there that the snapshots need? `share`: `n/t` of the packs are read and hashed as well, which `progress` counts. */
  async isComplete(shown: Shown, until: number, share?: string, progress?: Progress): Promise<Answer> {
    return this.#answer(
      shown,
      ['check', ...(share === undefined ? [] : [`--read-data-subset=${share}`])],
      until,
      progress,
    );
  }

  /** The snapshots that lie in the replica, as paths. */
  snapshots(): string[] {
    return namesIn(join(pathOf(this.#repository.replica), 'snapshots')).map((name) => `snapshots/${name}`);
  }

  /** Several steps about one view, in which restic finds what it has written (in memory) in the steps before. */
  async ask(shown: Shown, steps: readonly Step[], listening: Listening): Promise<Asked> {
    const { ended, passed } = await this.#ask(shown, steps, listening);
    const isOutOfTime = ended.stopped === 'deadline';
    const isRefused =
      !isOutOfTime && passed < steps.length && codeOf(ended, this.#repository.restic.memory) === resticCodes.no;
    if (isRefused) await this.#requireReadable(shown, listening.until);
    return { passed, isRefused, words: wordsOf(ended, '') };
  }

  /** Whether restic says yes to all of several steps. Throws OutOfTime. */
  async passes(shown: Shown, steps: readonly Step[], until: number): Promise<boolean> {
    const { passed, isRefused } = await this.ask(shown, steps, { until });
    if (!isRefused && passed < steps.length) throw new OutOfTime();
    return !isRefused;
  }

  /** Whether restic may be given something to write: never the replica's own files, so never without isolation. */
  async mayWrite(): Promise<boolean> {
    return (this.#road ??= await this.#findRoad()) !== 'unisolated';
  }

  /** The command that makes indexes anew. */
  async rebuildIndex(): Promise<readonly string[]> {
    return rebuildIndex(
      (await (this.#program ??= requireRestic(this.#repository.restic.path, this.#known, this.#interrupt))).version,
    );
  }

  async #answer(shown: Shown, args: readonly string[], until: number, progress?: Progress): Promise<Answer> {
    const { ended, stdout } = await this.#ask(shown, [args], { until, progress });
    if (ended.stopped === 'deadline') throw new OutOfTime();
    const isGood = codeOf(ended, this.#repository.restic.memory) === resticCodes.yes;
    if (!isGood) await this.#requireReadable(shown, until);
    return { isGood, words: wordsOf(ended, stdout), stdout };
  }

  /** Throws Failure when restic may not read what it was shown: that is no damage, and nothing can be said of the data. */
  async #requireReadable(shown: Shown, until: number): Promise<void> {
    if (this.#road === 'unisolated') return;
    const { stdout } = await this.#ask(shown, ['unreadable file'], { until });
    const path = stdout.trim();
    if (path !== '') throw unreadable(pathOf(this.#repository.replica), path);
  }

  async #ask(shown: Shown, steps: readonly Step[], listening: Listening): Promise<Ran> {
    const { path, held } = await this.#password();
    const view = this.#view(shown, path);
    const road = (this.#road ??= await this.#findRoad());
    const ran = await this.#askOn(road, view, steps, listening, held);
    if (ran !== undefined) return ran;
    this.#road = 'links';
    return this.#ask(shown, steps, listening);
  }

  #view(shown: Shown, passwordFile: string): View {
    return {
      replica: pathOf(this.#repository.replica),
      candidate: shown.candidate,
      config: shown.config,
      without: shown.without ?? [],
      shows: shown.shows ?? everything,
      mayWrite: shown.mayWrite === true,
      standIns: shown.standIns ?? new Map(),
      passwordFile,
      program: findProgram(this.#repository.restic.path, 'restic'),
      memory: this.#repository.restic.memory,
    };
  }

  /** Without namespaces restic would see the network and every secret: only with the operator's word. Where there is none, the sandbox itself shows whether it can be had. */
  async #findRoad(): Promise<Road> {
    return this.#repository.restic.prove === 'unisolated' && !(await canIsolate()) ? 'unisolated' : 'overlay';
  }

  /** Undefined when the kernel refuses this road. */
  async #askOn(
    road: Road,
    view: View,
    steps: readonly Step[],
    listening: Listening,
    held: Password['held'],
  ): Promise<Ran | undefined> {
    const links = join(ownPaths(this.#repository.replica).own, 'view');
    const nonce = randomBytes(16).toString('hex');
    try {
      if (road !== 'overlay') await linkView(view, links, listening.until);
      if (road === 'unisolated' && held.length === 0) requirePassword(view.passwordFile);
      if (road === 'unisolated')
        return await runRestic(
          { ...unisolatedCommand(view, this.#scratch, links, onlyStep(steps)), held },
          new StepReader(undefined, steps, listening),
          listening,
          this.#interrupt,
        );
      const ran = await runRestic(
        { ...isolatedCommand(view, this.#scratch, road === 'links' ? links : undefined, steps, nonce), held },
        new StepReader(nonce, steps, listening),
        listening,
        this.#interrupt,
      );
      if (ran.ended.stopped !== undefined) return ran; // its time was over while the view was made, perhaps: that is nobody's fault
      if (ran.script === passwordRefused) throw passwordFailure(view.passwordFile, ran.ended.stderr);
      if (road === 'overlay' && ran.script === overlayRefused) return undefined;
      // Whatever restic says, the script ends with 0: anything else is nobody's answer.
      if (ran.script !== undefined && ran.script !== 0)
        throw (await canIsolate()) ? sandboxFailure(ran.ended) : notIsolated();
      return ran;
    } finally {
      rmSync(links, { recursive: true, force: true });
    }
  }
}

function onlyStep(steps: readonly Step[]): readonly string[] {
  const [step] = steps;
  if (steps.length !== 1 || step === undefined || typeof step === 'string')
    throw new Error('one question at a time without isolation');
  return step;
}
