/** The edges of proof: restic on views of the replica, or, without a password, only the structure of candidates. */
import type { Books, Entry } from '../core/books.ts';
import type { Repository } from '../core/config.ts';
import { nextShare, type CheckResult, type Proof } from '../core/proof.ts';
import type { ProofEdges } from '../edges.ts';
import type { Incoming } from './incoming.ts';
import { prove, structuralJunk } from './prove.ts';
import { ownPaths } from './replica.ts';
import { Restic } from './restic.ts';
import type { Session } from './session.ts';
import type { State } from './state.ts';

export class ResticEdges implements ProofEdges {
  readonly canProve: boolean;
  readonly #repository: Repository;
  readonly #session: Session;
  readonly #state: State;
  readonly #incoming: () => Incoming;
  #restic: Restic | undefined;

  constructor(repository: Repository, session: Session, state: State, incoming: () => Incoming) {
    this.canProve = repository.restic.passwordFile !== undefined && repository.restic.prove !== false;
    this.#repository = repository;
    this.#session = session;
    this.#state = state;
    this.#incoming = incoming;
  }

  async prove(books: Books): Promise<Proof> {
    const { candidate } = ownPaths(this.#repository.replica);
    const junk = structuralJunk(candidate, books);
    if (junk.length > 0) return { outcome: 'failed', junk, words: '' };
    if (!this.canProve) return { outcome: 'skipped', heldBack: [] };
    return prove(this.#asked, candidate, this.#session.path('restic'), books);
  }

  reject(entry: Entry): void {
    this.#incoming().reject(entry);
  }

  async whatIsMissing(hidden: Iterable<string>, withCandidates: boolean): Promise<string | undefined> {
    const shown = { without: hidden, ...(withCandidates ? { candidate: ownPaths(this.#repository.replica).candidate } : {}) };
    const answer = await this.#asked.isComplete(shown);
    return answer.isGood ? undefined : answer.words;
  }

  dueCheck(now: Date): string | undefined {
    const { check } = this.#repository.restic;
    if (check === undefined) return undefined;
    const last = this.#state.findLast((line) => line.event === 'checked');
    if (last !== undefined && now.getTime() - Date.parse(last.time) < check.every) return undefined;
    return nextShare(last?.['share'] as string | undefined, check.readDataSubset);
  }

  async check(share: string): Promise<CheckResult> {
    const answer = await this.#asked.isComplete({}, share);
    return { share, passed: answer.isGood, words: answer.isGood ? '' : answer.words };
  }

  get #asked(): Restic {
    const { passwordFile } = this.#repository.restic;
    if (passwordFile === undefined) throw new Error('restic is asked only with a password');
    return (this.#restic ??= new Restic(this.#repository, passwordFile, this.#session.path('restic'), this.#session.interrupt));
  }
}
