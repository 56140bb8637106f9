/** What a destination has, held against the replica: the night's own audit with the destination in serverA's place, and content by hash. */
import { pathOf } from '../replica-path.ts';
import { Audit } from '../audit/audit.ts';
import type { Amount, Entry } from '../audit/books.ts';
import { Flood, mostStrangers } from '../audit/tally.ts';
import { gone, listedNew, present, suspects, tombstoned } from '../audit/questions.ts';
import { dryRun } from '../audit/dry-run.ts';
import { kindOf, knownAt } from '../audit/facts.ts';
import type { Finding } from '../audit/findings.ts';
import type { ChangeKind } from '../audit/policy.ts';
import type { Change, Judge } from '../audit/itemize.ts';
import { auditPass } from '../audit/passes.ts';
import { walkReplica, type ReplicaWalk } from '../audit/walk.ts';
import { Failure } from '../errors.ts';
import { admissionOrder, passes, placeOf } from '../layout.ts';
import type { RsyncContext } from '../programs/rsync-call.ts';
import type { Bounds } from '../programs/watchdog.ts';
import type { TombstoneLog } from '../ratchet/departure/tombstone-log.ts';
import { readingAs, type Owner } from '../state/become.ts';

/** How a file of the replica stands at the destination; `in the way`: a folder has its name, or no folder leads to it. */
export type Standing = 'there' | 'missing' | 'differs' | 'in the way';

/** A file of the replica, with its bytes. */
export interface GivenFile {
  readonly path: string;
  readonly bytes: number;
}

/** Which files are meant. */
export type IsMeant = (path: string, isTombstoned: boolean) => boolean;

/** A file's entry in the books; `config` has none. */
type Name = Entry | 'config';

export class Comparison {
  readonly #walk: ReplicaWalk;
  readonly #differs = new Set<Name>();
  readonly #ofConfig = new Set<ChangeKind>();
  /** Paths where something stands that no file can replace: it is for people to move away. */
  readonly inTheWay = new Set<string>();
  /** What only the destination has: files of restic's layout, and names that restic does not use. */
  onlyThere: { readonly layout: Amount; readonly foreign: readonly Finding[] } = {
    layout: { files: 0, bytes: 0 },
    foreign: [],
  };
  /** What does not add up in the destination's report. */
  doubts: readonly Finding[] = [];

  /** Walks the replica, and takes its tombstones along. `owner`: whose it is, where root does not become him. */
  constructor(replica: string, ignore: readonly string[], tombstones: TombstoneLog, owner: Owner | undefined) {
    const read = (): ReplicaWalk => {
      const walk = walkReplica(replica, ignore);
      tombstones.fold(walk.books);
      return walk;
    };
    this.#walk = readingAs(owner, read);
  }

  /** Asks what lies at the destination: names, sizes and times. Throws Failure when it cannot be listed, whatever it had said by then. */
  async list(context: RsyncContext, bounds: Bounds): Promise<void> {
    const most = mostStrangers(context.repository.limits.newFiles);
    const audit = new Audit(this.#walk, { initialising: false, window: { allowKeys: true } }, () => false, most);
    const noting: Judge = {
      judge: (change) => {
        this.#note(change);
        audit.judge(change);
      },
      judgeUnchanged: (bytes, start, end) => audit.judgeUnchanged(bytes, start, end),
    };
    for (const pass of passes) {
      const failed = await auditPass(audit, pass, (hidden) =>
        dryRun(context, pass, pathOf(context.repository.replica), bounds, noting, { hidden }),
      );
      if (failed !== undefined) throw failed.failure instanceof Flood ? flooded(most) : unlisted(failed.failure);
    }
    const { kept } = audit.verdict({}).findings;
    const ofRule = (...rules: string[]): Finding[] => kept.filter(({ rule }) => rules.includes(rule));
    this.onlyThere = { layout: this.#walk.books.amount(listedNew), foreign: ofRule('foreign') };
    this.doubts = ofRule('inconsistent', 'unaccounted');
  }

  /** A file is not what the replica has, whatever was listed. */
  differs(path: string): void {
    this.#differs.add(this.#nameOf(path));
  }

  /** Whether it is known to be another one than the replica's. */
  isDifferent(path: string): boolean {
    return this.#differs.has(this.#nameOf(path));
  }

  /** Another time alone counts as a difference, of what is meant. */
  judgeByTime(isMeant: IsMeant): void {
    const { books } = this.#walk;
    for (const name of this.#ofAnotherTime()) {
      const is = name === 'config' ? isMeant(name, false) : isMeant(books.path(name), books.has(name, tombstoned));
      if (is) this.#differs.add(name);
    }
  }

  /** How many files have another time there, and are the same for all we know. */
  get otherTimes(): number {
    return this.#ofAnotherTime().filter((name) => !this.#differs.has(name)).length;
  }

  #ofAnotherTime(): Name[] {
    return [...(this.#ofConfig.has('mtime') ? (['config'] as const) : []), ...this.#walk.books.select(suspects)];
  }

  /** The files that are meant: config and keys first, then what is pointed at before what points at it. */
  *files(isMeant: IsMeant): Generator<GivenFile & { readonly standing: Standing }> {
    const { books, others } = this.#walk;
    const config = others.get('config');
    if (config?.type === 'file' && isMeant('config', false))
      yield { path: 'config', bytes: config.size, standing: this.#standing('config', 'config') };
    for (const type of admissionOrder)
      for (const entry of books.select(present, type)) {
        const path = books.path(entry);
        if (isMeant(path, books.has(entry, tombstoned)))
          yield { path, bytes: books.size(entry), standing: this.#standing(entry, path) };
      }
  }

  /** The names of what only the destination has, escaped as rsync does. */
  *strangers(): Generator<string> {
    for (const entry of this.#walk.books.select(listedNew)) yield this.#walk.books.path(entry);
    for (const { path } of this.onlyThere.foreign) yield path;
  }

  #standing(name: Name, path: string): Standing {
    if (
      [path, path.slice(0, path.lastIndexOf('/')), path.split('/', 1)[0] ?? ''].some((each) => this.inTheWay.has(each))
    )
      return 'in the way';
    if (name === 'config' ? this.#ofConfig.has('deleted') : this.#walk.books.has(name, gone)) return 'missing';
    return this.#differs.has(name) ? 'differs' : 'there';
  }

  /** Beside the audit, which keeps names of no more than it tells. */
  #note(change: Change): void {
    const place = placeOf(change.path);
    if (place.of === 'outside' || change.kind === 'standing' || change.path === '.') return;
    const name = place.of === 'folder' ? undefined : this.#nameOf(change.path);
    const kind = kindOf(change, knownAt(this.#walk, change.path, typeof name === 'number' ? name : -1));
    const isFolder = change.kind === 'item' && change.fileType === 'd';
    if (kind === 'type' && (name === undefined || isFolder)) this.inTheWay.add(change.path);
    else if (name !== undefined && (kind === 'type' || kind === 'content')) this.#differs.add(name);
    if (name === 'config') this.#ofConfig.add(kind);
  }

  #nameOf(path: string): Name {
    return path === 'config' ? path : this.#walk.books.at(path);
  }
}

function flooded(most: number): Failure {
  return new Failure(
    `the destination lists more than ${most} names in one pass that the replica does not have`,
    'is it the right folder? Move away what is not of this repository, or raise limits.newFiles; nothing was sent',
  );
}

function unlisted(failure: Failure): Failure {
  return new Failure(
    `what lies at the destination cannot be said: ${failure.message}`,
    `${failure.hint}; nothing was sent`,
    {
      cause: failure,
    },
  );
}
