/** What a run holds while it lasts: the lock, a private folder, the connection. `close` ends all of it, whatever happened. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import type { Failure } from '../errors.ts';
import { wantsRoom, type RoomMemory } from '../programs/room.ts';
import { roomDependsOn } from '../programs/room-depends-on.ts';
import { namesIn } from '../state/files.ts';
import { folderIn, noteOf, requireShortHold } from '../state/holder.ts';
import { fallenFrom, hold, letGo, type HeldFolder } from '../programs/held-folder.ts';
import { takeLock, type Lock, type Locks } from '../programs/lock.ts';
import { keepYoungGenerationSmall } from '../state/young-generation.ts';
import { ownPaths, pathOf } from '../replica-path.ts';
import { callsOfOneRun, type Calls, type RsyncContext } from '../programs/rsync-call.ts';
import { forgetPassword, passwordOf, type Password } from '../programs/restic-password.ts';
import { connect, type Connection } from '../programs/ssh.ts';
import { makeRunFolder, removeRunFolder } from '../programs/run-folder.ts';
import type { Bounds } from '../programs/watchdog.ts';

export class Session {
  readonly interrupt: AbortSignal;
  readonly #repository: Repository;
  readonly #calls: Calls;
  readonly #locks: Pick<Locks, 'take' | 'close'>;
  #lock: Lock | undefined;
  #replica: HeldFolder | undefined;
  #folder = '';
  readonly #since = new Date().toISOString();
  #connecting: Promise<Connection> | undefined;
  #connected: Promise<void> | undefined;
  readonly #refused = new AbortController();
  readonly #rooms: RoomMemory | undefined;
  /** What the room that was tried depends on. */
  #learned: string | undefined;
  #rsync: RsyncContext | undefined;
  #password: Promise<Password> | undefined;

  constructor(
    repository: Repository,
    interrupt: AbortSignal,
    calls: Calls = callsOfOneRun(),
    locks: Pick<Locks, 'take' | 'close'> = { take: takeLock, close: async () => undefined },
    rooms?: RoomMemory,
  ) {
    this.#rooms = rooms;
    this.#locks = locks;
    this.#repository = repository;
    this.#calls = calls;
    this.interrupt = interrupt;
  }

  /** Takes the lock inside the replica, and tidies up after a run that was killed; false when another run holds it. */
  async lock(): Promise<boolean> {
    keepYoungGenerationSmall();
    this.#lock = await this.#locks.take(ownPaths(this.#repository.replica).lock);
    if (this.#lock === undefined) {
      requireShortHold(this.#repository);
      return false;
    }
    this.#replica = hold(pathOf(this.#repository.replica));
    removeRunFolder(folderIn(this.#lock.note));
    removeLeftovers(ownPaths(this.#repository.replica).own);
    this.#folder = makeRunFolder();
    this.phase('start');
    return true;
  }

  /** Begins to open the one connection of the run, beside whatever else is to be done; `connect` says what it came to. */
  beginToConnect(): void {
    this.#connected ??= this.#connect();
    this.#connected.catch(() => undefined); // it is thrown where it is waited for
  }

  /** Opens the one connection of the run. */
  async connect(): Promise<void> {
    this.beginToConnect();
    await this.#connected;
    if (this.#learned !== undefined) await this.#rooms?.keep(this.#learned);
    this.#learned = undefined;
  }

  async #connect(): Promise<void> {
    const signal = AbortSignal.any([this.interrupt, this.#refused.signal]);
    this.#connecting = connect(this.#repository, this.#folder, signal);
    const room = this.#wantsRoom().catch((error: unknown) => {
      this.#refused.abort(error); // nobody waits for serverA then
      throw error;
    });
    const [connection, hasRoom] = await Promise.all([this.#connecting, room]);
    const nonce = randomBytes(12).toString('hex');
    const held = [...connection.held, ...(this.#replica === undefined ? [] : [this.#replica])];
    this.#rsync = {
      repository: this.#repository,
      connection,
      runFolder: this.#folder,
      hasRoom,
      nonce,
      calls: this.#calls,
      held,
      fallen: () => this.fallen(),
    };
  }

  /** Where a room was had last, and nothing has changed since, it is had again: else the first rsync does not start, and the run fails. */
  async #wantsRoom(): Promise<boolean> {
    const { sandbox } = this.#repository.rsync;
    const here = sandbox === 'off' || this.#rooms === undefined ? undefined : roomDependsOn();
    if (here !== undefined && this.#rooms?.recall() === here) return true;
    const hasRoom = await wantsRoom(sandbox, this.interrupt);
    if (hasRoom) this.#learned = here;
    return hasRoom;
  }

  /** What running rsync takes; throws when there is no connection. */
  get rsync(): RsyncContext {
    if (this.#rsync === undefined) throw new Error('connect comes first');
    return this.#rsync;
  }

  /** Why source or replica is no longer what it was at the start; undefined while both stand. */
  async fallen(): Promise<Failure | undefined> {
    return (await this.#rsync?.connection.fallen?.()) ?? (this.#replica && fallenFrom(this.#replica));
  }

  /** Notes what the run is at, for whoever waits for the lock. */
  phase(name: string): void {
    this.#lock?.write(noteOf(this.#folder, { pid: process.pid, phase: name, since: this.#since }));
  }

  /** A path in the private folder. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** What opens the repository, asked for once a run. Throws Failure. */
  async password(): Promise<Password> {
    return (this.#password ??= passwordOf(this.#repository.restic, this.#folder, this.interrupt));
  }

  /** The clocks of one rsync that must be done by `deadline`. */
  bounds(deadline: Date): Bounds {
    const { stall } = this.#repository.timeouts;
    const beforeStop = (): void => this.#rsync?.connection.letGo?.();
    return { stall, deadline: deadline.getTime(), interrupt: this.interrupt, beforeStop };
  }

  async close(): Promise<void> {
    if (this.#rsync === undefined) this.#refused.abort(new Error('the run has ended')); // nobody waits for serverA any more
    const connection = await this.#connecting?.catch(() => undefined); // its failure has been thrown where it was awaited
    await connection?.close();
    const password = await this.#password?.catch(() => undefined);
    if (password !== undefined) forgetPassword(password);
    if (this.#replica !== undefined) letGo(this.#replica);
    this.#replica = undefined;
    removeRunFolder(this.#folder);
    this.#lock?.release();
    await this.#locks.close();
  }
}

/** What a run or a doctor that was killed leaves beside the replica's files, most of it links to them. */
const leftovers = /^(?:view|reading|mtime|doctor-.*)$/;

function removeLeftovers(own: string): void {
  for (const name of namesIn(own)) if (leftovers.test(name)) rmSync(join(own, name), { recursive: true, force: true });
}
