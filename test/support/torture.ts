/** Sudden death, again and again: a night with new data and an expiry, killed at a random moment, and the run after it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ended, type Night, type ServerA } from './night.ts';
import { provingNight } from './proof.ts';
import { assertInStep, openWindow, repositoryFiles } from './prune.ts';
import { openRepository } from './restic.ts';
import { descendants } from './sshd.ts';
import type { Ending } from './temporary.ts';

/** What a round did. */
export interface Round {
  /** Milliseconds after which the program was killed; it may have ended before. */
  readonly killedAfter: number;
  readonly wasKilled: boolean;
  /** What the killed run had come to: files admitted and removed before it died. */
  readonly admitted: number;
  readonly removed: number;
  /** Milliseconds of the run that completed it. */
  readonly completedIn: number;
}

/** A repository that is pruned every night, with a grace of 0 and a window that lasts: each night adds, and each expires. */
export class Torture {
  readonly #night: Night;
  readonly #random: () => number;
  /** How long a night takes here, in milliseconds: learned from those that came to their end before they were killed. */
  #length = 1500;
  #count = 0;

  private constructor(night: Night, random: () => number) {
    this.#night = night;
    this.#random = random;
  }

  /** `random`: numbers from 0 to 1. */
  static async begin(serverA: ServerA, t: Ending, random: () => number): Promise<Torture> {
    const night = await provingNight(serverA, t, { deletionGrace: 0 });
    await openWindow(night, '--max-deletions', '1000000', '--for', '7d');
    return new Torture(night, random);
  }

  /** One round; throws when anything is not as promised. */
  async round(): Promise<Round> {
    const night = this.#night;
    const before = repositoryFiles(night.replica);
    await this.#changeServerA();
    const wanted = new Set(repositoryFiles(night.repository.path));
    const killedAfter = Math.floor(this.#random() * this.#length);
    const wasKilled = await this.#killAfter(killedAfter);
    const left = repositoryFiles(night.replica);
    const [admitted, removed] = [left.filter((path) => !before.includes(path)), before.filter((path) => !left.includes(path))];
    assert.deepEqual(removed.filter((path) => wanted.has(path)), [], 'nothing has left that serverA still has');
    assertWhole(night, left);
    await openRepository(night.replica).check(); // consistent at every instant
    const startedAt = performance.now();
    const { code, run, stderr } = await night.sync();
    const completedIn = performance.now() - startedAt;
    assert.ok(code === 0, `the next run: exit ${code}, ${JSON.stringify(run?.findings)}${stderr}`);
    await assertInStep(night);
    assert.deepEqual([night.unfinished(), readdirSync(night.temporary)], [[], []], 'tidied up');
    return { killedAfter, wasKilled, admitted: admitted.length, removed: removed.length, completedIn };
  }

  /** A new backup; all but the two newest snapshots are forgotten and pruned, so that something expires each night. */
  async #changeServerA(): Promise<void> {
    const { repository } = this.#night;
    const content = createHash('sha256').update(String(this.#count++)).digest('hex').repeat(4000);
    await repository.backup({ 'file.txt': content, [`only-${this.#count}.txt`]: `${content} once` });
    // The newest of the replica stays: a window never lets the last snapshot go.
    const old = (await repository.snapshots()).slice(0, -2).map(({ id }) => id);
    if (old.length > 0) await repository.forget(old, { prune: true });
  }

  async #killAfter(milliseconds: number): Promise<boolean> {
    const running = this.#night.start(['sync']);
    const startedAt = performance.now();
    const isOver = new AbortController();
    void running.finished.finally(() => { isOver.abort(); });
    await pause(milliseconds, undefined, { signal: isOver.signal }).catch(() => undefined);
    const processes = descendants(running.pid);
    running.kill('SIGKILL');
    const { signal, code, stderr } = await running.finished;
    assert.ok(signal === 'SIGKILL' || code === 0, `exit ${code}: ${stderr}`);
    const wasKilled = signal === 'SIGKILL';
    this.#length = wasKilled ? this.#length * 1.05 : performance.now() - startedAt;
    await ended(processes);
    return wasKilled;
  }
}

/** Each file is what its name says: no partial file under a final name, ever. */
function assertWhole(night: Night, paths: readonly string[]): void {
  for (const path of paths) {
    assert.equal(createHash('sha256').update(readFileSync(join(night.replica, path))).digest('hex'), path.slice(-64), path);
  }
}

/** Random numbers that a seed makes again (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
