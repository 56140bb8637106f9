/**
 * A channel of the run's one ssh connection: one command on serverA, started outside rsync's room. rsync is given the two
 * ends of two pipes and nothing of ssh: through the master's socket a taken-over rsync could ask for forwardings, and so
 * reach this machine's own services and make names in the replica (DESIGN section 5, rule 10).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterLastWords, collect } from './process.ts';

/** What rsync gets of a channel: two open descriptors. */
export interface Ends {
  /** To be read: what serverA says. */
  readonly from: number;
  /** To be written: what serverA is told. */
  readonly to: number;
}

/** ssh's own exit code (ssh(1), "EXIT STATUS"): no channel was to be had, or the connection is gone. */
export const sshFailed = 255;
/** Timers above this fire at once, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

/** A command that will be wanted, and its channel where one was opened before its turn. */
interface Plan {
  readonly command: string;
  channel: Channel | undefined;
}

/**
 * Opens channels, at their turn or before it. rsync on serverA lists only after it has read the client's filter list, and
 * the client starts at its turn: so what costs a start there can be started side by side, and is listed one after another.
 */
export class Channels {
  /** The command line that leads through the master, up to the command for serverA. */
  readonly ssh: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #pipes: Pipes;
  readonly #socket: string | undefined;
  #plans: Plan[] = [];
  /** How many may be open before their turn: all that are planned, until serverA refuses one (sshd's MaxSessions); undefined until any are planned. */
  #most: number | undefined;
  #patience = 0;

  /** `socket`: the master's, which is there while the master is. */
  constructor(ssh: readonly string[], env: Readonly<Record<string, string>>, folder: string, socket?: string) {
    this.ssh = ssh;
    this.#socket = socket;
    this.#env = env;
    this.#pipes = new Pipes(folder);
  }

  /**
   * These will be wanted, in this order: they are opened now, as many as serverA grants. One that waits for longer than
   * `patience` (milliseconds) is closed, because rsync's own clock runs on serverA; like a refused one it is opened at its turn.
   */
  expect(commands: readonly string[], patience: number): void {
    this.#most ??= Infinity;
    this.#patience = Math.min(patience, longestTimer);
    this.#plans.push(...commands.map((command) => ({ command, channel: undefined })));
    this.#openAhead();
  }

  /** A channel for a command whose turn it is: one that waits for it, else a new one. */
  take(command: string): Channel {
    const mine = this.#plans.filter((plan) => plan.command === command);
    const plan = mine.find(({ channel }) => channel?.isOpen === true) ?? mine[0];
    this.#plans = this.#plans.filter((each) => each !== plan);
    const opened = plan?.channel;
    if (opened?.isOpen === false) opened.handedOver(); // it has ended before its turn
    const channel = opened?.isOpen === true ? opened : this.open(command);
    this.#openAhead();
    return channel;
  }

  /** Whether there is a connection still, as far as we can see here. */
  get stands(): boolean {
    return this.#socket !== undefined && existsSync(this.#socket);
  }

  /** Closes what waits for its turn; from now on each is opened at its turn. */
  async oneAtATime(): Promise<void> {
    this.#most = 0;
    const waiting = this.#plans.flatMap(({ channel }) => (channel === undefined ? [] : [channel]));
    this.#plans = [];
    await Promise.all(waiting.map((channel) => channel.close()));
  }

  #openAhead(): void {
    for (const plan of this.#plans.slice(0, this.#most ?? 0)) {
      if (plan.channel !== undefined) continue;
      const channel = this.open(plan.command);
      plan.channel = channel;
      const timer = setTimeout(() => {
        if (this.#plans.includes(plan)) void channel.close();
      }, this.#patience).unref();
      void channel.end.then((code) => {
        clearTimeout(timer);
        if (code === sshFailed && this.#plans.includes(plan)) this.#refused(plan);
      });
    }
  }

  /** Now that one is refused, as many may wait as do; when one of them has had its turn, this one is tried again. */
  #refused(plan: Plan): void {
    this.#most = Math.min(this.#most ?? 0, this.#plans.filter(({ channel }) => channel?.isOpen === true).length);
    plan.channel?.handedOver();
    plan.channel = undefined;
  }

  /** Starts a command on serverA. What it says waits in a pipe until somebody reads. */
  open(command: string): Channel {
    const [said, told] = [this.#pipes.make(), this.#pipes.make()];
    const [file = 'ssh', ...args] = this.ssh;
    // Without setpriv: ssh ends when its master does, and the master ends with us.
    const ssh = spawn(file, [...args, command], { env: { ...this.#env }, stdio: [told.reading, said.writing, 'pipe'] });
    closeSync(told.reading);
    closeSync(said.writing);
    return new Channel(ssh, { from: said.reading, to: told.writing });
  }
}

/** A command that runs on serverA. */
export class Channel {
  readonly ends: Ends;
  readonly #ssh: ChildProcess;
  readonly #stderr: () => string;
  readonly #end: Promise<number | undefined>;
  #areOurs = true;
  #isOpen = true;

  constructor(ssh: ChildProcess, ends: Ends) {
    this.ends = ends;
    this.#ssh = ssh;
    this.#stderr = ssh.stderr === null ? () => '' : collect(ssh.stderr);
    this.#end = new Promise((resolve) => {
      ssh.once('error', () => {
        resolve(undefined);
      });
      ssh.once('close', (code) => {
        resolve(code ?? undefined);
      });
      ssh.once('exit', () => {
        this.#isOpen = false;
        // The master holds ssh's stderr for as long as the command on serverA runs, and serverA may let it run for ever.
        afterLastWords(() => {
          ssh.stderr?.destroy();
        });
      });
    });
  }

  /** Whether its ends can be handed over: it has not ended yet, as far as we know, and nobody closed it. */
  get isOpen(): boolean {
    return this.#isOpen && this.#areOurs;
  }

  /** What ssh and the command on serverA wrote to stderr. */
  get stderr(): string {
    return this.#stderr();
  }

  /** The exit code of the command on serverA, or ssh's own 255; undefined when ssh was ended or could not start. */
  get end(): Promise<number | undefined> {
    return this.#end;
  }

  /** To be called when the room has the ends: ours are closed, so that serverA sees when the room has gone. */
  handedOver(): void {
    if (!this.#areOurs) return;
    this.#areOurs = false;
    closeSync(this.ends.from);
    closeSync(this.ends.to);
  }

  /** Ends the channel, however it stands. KILL, because ssh passes other signals on to the master. */
  async close(): Promise<void> {
    this.handedOver();
    this.#ssh.kill('SIGKILL');
    await this.#end;
  }
}

/** In a run folder, for the pipes of its channels. */
export const pipesFolder = 'pipes';
/** How many FIFOs are made at a time: those of a whole night. */
const batch = 12;

/** Pipes between other processes. Node cannot make any, so they come from FIFOs, whose names go at once. */
class Pipes {
  readonly #folder: string;
  #names: string[] = [];
  #made = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  make(): { reading: number; writing: number } {
    if (this.#names.length === 0) this.#makeNames();
    const name = this.#names.pop() ?? '';
    const both = openSync(name, constants.O_RDWR); // an end alone would wait for the other
    const [reading, writing] = [openSync(name, constants.O_RDONLY), openSync(name, constants.O_WRONLY)];
    closeSync(both);
    rmSync(name);
    return { reading, writing };
  }

  #makeNames(): void {
    this.#names = pipeNames(this.#folder, this.#made);
    this.#made += batch;
    const missing = this.#names.filter((name) => !existsSync(name)); // the night's have been made already
    if (missing.length === 0) return;
    execFileSync('mkfifo', ['-m', '600', ...missing], { stdio: 'ignore', timeout: 60_000, killSignal: 'SIGKILL' });
  }
}

/** The names of the pipes of a night in a folder; `made`: how many there have been before. */
export function pipeNames(folder: string, made = 0): string[] {
  return Array.from({ length: batch }, (_, n) => join(folder, `pipe-${made + n}`));
}
