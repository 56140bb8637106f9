/** Whole nights: a real repository on serverA behind a real sshd, its replica on serverB, the built program between. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Finished, ratchet, type RatchetOptions, type Running, spawnRatchet } from './cli.ts';
import { type Value, writeConfig, type WrittenConfig } from './config.ts';
import type { Mail } from './mail.ts';
import { openRepository, preparedRepository, type ResticRepository } from './restic.ts';
import { type Gate, gateIn, writeScript } from './scripted.ts';
import { plainCommand, rrsyncCommand, type Sshd, startSshd, withoutRootPowers } from './sshd.ts';
import { type Ending, temporaryFolder } from './temporary.ts';
import { digest } from './tree.ts';

/**
 * The keys that serverA takes: `backup` is what operators set up, `rrsync -ro` (or does the same, see `startServerA`); `powerless` the same where permissions
 * hold for root too; `scripted` runs what `script` says; `shell` may do everything.
 */
export type Account = 'backup' | 'powerless' | 'scripted' | 'shell';

/** What a night begins with. */
export interface NightOptions {
  /** By default `backup`. */
  readonly account?: Account;
  /** Merged over the configuration, see `writeConfig`. */
  readonly changes?: Readonly<Record<string, Value>>;
  /** There is no replica yet. */
  readonly fresh?: boolean;
}

/** serverA, for all tests of a file, one after another: its accounts lead to the repository of the latest night. */
export interface ServerA {
  readonly sshd: Sshd<Account>;
  /** A repository on serverA, and on serverB a replica in step with it that has been synced once. */
  night(t: Ending, options?: NightOptions): Promise<Night>;
  /**
   * What the `scripted` account runs for its nth call of the night (shell; 1 to 3 are the dry runs, then the fetch).
   * Besides everything else it can `serve` (rrsync -ro), `wait_at GATE`, `hold_after BYTES GATE` (serve so much, wait,
   * then the rest) and `cut_after BYTES` (serve so much, then end it); calls without a script serve.
   */
  script(calls: Readonly<Record<number, string>>): void;
  /** How many calls the `scripted` account has had since `script`. */
  calls(): number;
  /** What happened to them: `started` (maybe before their turn), `called N` (the client spoke), `ended N`. */
  happened(): string[];
  /** A place for `wait_at`; only after `script`. */
  gate(name: string): Gate;
  stop(): Promise<void>;
}

/** A night's places. */
export interface Night {
  readonly folder: string;
  readonly repository: ResticRepository;
  readonly config: WrittenConfig;
  readonly replica: string;
  /** The program's TMPDIR: what it forgets to remove stays here. */
  readonly temporary: string;
  /** `rsync-ratchet --config … ARGS`. */
  run(args: readonly string[], options?: RatchetOptions): Promise<Finished>;
  start(args: readonly string[], options?: RatchetOptions): Running;
  /** `sync --json`, with `run` its one run. */
  sync(args?: readonly string[], options?: RatchetOptions): Promise<Judged>;
  /** The replica, byte for byte and inode for inode, without the program's own folder. */
  replicaNow(): string[];
  /** What is under `incoming/` and `candidate/`, files only. */
  unfinished(): string[];
}

/** A finished `sync --json`. */
export interface Judged extends Finished {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
  readonly run: any;
}

/**
 * Starts serverA; to be stopped in `after`. With `rrsync` that is what its keys lead to; where it is not what a test is about,
 * something quicker. `maxSessions` is sshd's.
 */
export async function startServerA(door: 'plain' | 'rrsync' = 'plain', maxSessions?: number): Promise<ServerA> {
  const command = door === 'rrsync' ? rrsyncCommand : plainCommand;
  const folder = temporaryFolder();
  const [link, gates, forced] = [join(folder, 'repository'), join(folder, 'gates'), join(folder, 'forced')];
  const sshd = await startSshd({
    folder: join(folder, 'sshd'),
    accounts: [
      { name: 'backup', command: command(link) },
      { name: 'powerless', command: withoutRootPowers(rrsyncCommand(link)) },
      { name: 'scripted', command: forced },
      { name: 'shell' },
    ],
    ...(maxSessions === undefined ? {} : { maxSessions }),
  });
  let template: Promise<string> | undefined;
  const stage = async (t: Ending, options: NightOptions): Promise<Night> => {
    template ??= options.fresh === true ? undefined : makeTemplate(folder, link, sshd);
    const below = temporaryFolder(t);
    if (options.fresh === true) await preparedRepository(join(below, 'source'));
    else copyInto(below, (await template) ?? '');
    lead(link, join(below, 'source'));
    return nightIn(t, below, writeConfig(below, sshd.accounts[options.account ?? 'backup'], options.changes));
  };
  return {
    sshd,
    night: (t, options = {}) => stage(t, options),
    script: (calls) => { writeScript(forced, gates, command(link), calls); },
    calls: () => Number(readFileSync(join(gates, 'calls'), 'utf8')),
    happened: () => readFileSync(join(gates, 'happened'), 'utf8').trim().split('\n'),
    gate: (name) => gateIn(gates, name),
    stop: () => sshd.stop(),
  };
}

/** A repository, its replica after `init` and the first `sync`, and the state of both; made once for a file. */
async function makeTemplate(folder: string, link: string, sshd: Sshd<Account>): Promise<string> {
  const template = join(folder, 'template');
  mkdirSync(template, { mode: 0o700 });
  await preparedRepository(join(template, 'source'));
  lead(link, join(template, 'source'));
  const config = writeConfig(template, sshd.accounts.backup).file;
  for (const args of [['init', 'nightly'], ['sync']]) {
    const { code, stderr } = await ratchet(args, { config });
    assert.equal(code, 0, stderr);
  }
  return template;
}

function copyInto(folder: string, template: string): void {
  execFileSync('cp', ['-a', ...['source', 'replica', 'state'].map((name) => join(template, name)), folder]);
}

function lead(link: string, target: string): void {
  rmSync(link, { force: true });
  symlinkSync(target, link);
}

function nightIn(t: Ending, folder: string, config: WrittenConfig): Night {
  const { replica } = config;
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const whole = (options: RatchetOptions): RatchetOptions =>
    ({ config: config.file, ...options, env: { TMPDIR: temporary, ...options.env } });
  const run = (args: readonly string[], options: RatchetOptions = {}): Promise<Finished> => ratchet(args, whole(options));
  return {
    folder, config, replica, temporary, run,
    repository: openRepository(join(folder, 'source')),
    start: (args, options = {}) => {
      const running = spawnRatchet(args, whole(options));
      t.after(() => { running.kill('SIGKILL'); });
      return running;
    },
    sync: (args = [], options = {}) => judged({ finished: run(['--json', 'sync', ...args], options) }),
    replicaNow: () => digest(replica, { inode: true, without: ['.rsync-ratchet'] }),
    unfinished: () => ['incoming', 'candidate'].flatMap((name) => filesBelow(join(replica, '.rsync-ratchet', name))),
  };
}

/** The end of a `sync --json` that was started. */
export async function judged(running: Pick<Running, 'finished'>): Promise<Judged> {
  const finished = await running.finished;
  return { ...finished, run: finished.json().runs[0] };
}

/** The files below a folder, by path, sorted; none where there is no folder. */
export function filesBelow(folder: string): string[] {
  return existsSync(folder) ? digest(folder, { folders: false }).map((line) => line.split(' ', 1)[0] ?? '') : [];
}

/** A pack that serverA has now and had not before: `content` under the name of its own hash, or under `name`. */
export function addPack(repository: string, content: Buffer = randomBytes(1000), name = hashOf(content)): string {
  const path = `data/${name.slice(0, 2)}/${name}`;
  writeFileSync(join(repository, path), content, { mode: 0o600 });
  return path;
}

/** Gives a file another content, also one that is read-only. */
export function overwrite(file: string, content: string | Buffer): void {
  rmSync(file);
  writeFileSync(file, content);
}

/** SHA-256, as restic names files. */
export function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The first file of a kind in a repository or replica, as a path below it. */
export function anyOf(repository: string, kind: 'data' | 'index' | 'snapshots' | 'keys'): string {
  const [first] = readdirSync(join(repository, kind), { recursive: true, encoding: 'utf8' }).filter((name) => /[0-9a-f]{64}$/.test(name)).sort();
  return `${kind}/${first ?? assert.fail(`no file below ${kind}`)}`;
}

/** The paths of a rule's findings. */
export function pathsOf(judged: Judged, rule: string): string[] {
  return judged.run.findings.filter((finding: { rule: string }) => finding.rule === rule).map((finding: { path: string }) => finding.path);
}

/**
 * Runs a night that must stop: exit 3 with just these findings ("rule path"), nothing fetched although there is
 * something new, the replica as before, and one mail that says so. Returns the mail.
 */
export async function assertRefused(night: Night, findings: readonly string[], args: readonly string[] = []): Promise<Mail> {
  addPack(night.repository.path);
  const [before, mails] = [night.replicaNow(), night.config.mails().length];
  const { code, run } = await night.sync(args);
  const violations = run.findings.filter((finding: { severity: string }) => finding.severity === 'violation');
  assert.deepEqual(violations.map((finding: { rule: string; path: string }) => `${finding.rule} ${finding.path}`.trim()), findings);
  assert.equal(code, 3);
  assert.deepEqual([run.outcome, run.exitCode, run.fetched.files, run.admitted.files], ['alarm', 3, 0, 0]);
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(night.unfinished(), []);
  assert.deepEqual(readdirSync(night.temporary), []);
  const [mail, ...more] = night.config.mails().slice(mails);
  assert.ok(mail !== undefined && more.length === 0, 'one mail');
  assert.match(mail.subject, /^\[ALARM\] nightly on \S+: /);
  return mail;
}

/** An operator lowers the alarm. */
export async function acknowledged(night: Night): Promise<void> {
  const { code, stderr } = await night.run(['acknowledge', 'nightly', '--reason', 'a test']);
  assert.equal(code, 0, stderr);
}

/** When the standing alarm was raised, as mails say it. */
export function alarmTime(night: Night): string {
  const { since } = JSON.parse(readFileSync(join(night.config.state, 'nightly/alarm.json'), 'utf8')) as { since: string };
  return since.slice(0, 16).replace('T', ' ');
}

/** How a command is written in a night's mails: the configuration was named on the command line. */
export function commandIn(night: Night, words = ''): string {
  return `rsync-ratchet --config ${night.config.file} ${words}`;
}

/** A run that must fail: exit 1, a mail, the replica as before, nothing left in the temporary folder. Returns what it said. */
export async function assertFailed(night: Night): Promise<{ readonly message: string; readonly hint: string; readonly mail: Mail }> {
  const [before, mails] = [night.replicaNow(), night.config.mails().length];
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.outcome, run.exitCode, run.admitted.files], [1, 'failed', 1, 0]);
  assert.deepEqual(night.replicaNow(), before);
  assert.deepEqual(readdirSync(night.temporary), []);
  const [mail, ...more] = night.config.mails().slice(mails);
  assert.ok(mail !== undefined && more.length === 0, 'one mail');
  assert.match(mail.subject, /^\[FAILED\] nightly on \S+: /);
  const hint = run.error.hint.replace(/\brsync-ratchet (?=[a-z])/g, () => commandIn(night));
  assert.ok(mail.text.includes(hint), mail.text);
  return { ...run.error, mail };
}

/** Resolves when these processes have ended. Nothing tells about the end of what is not our child, so this looks again. */
export async function ended(pids: readonly number[]): Promise<void> {
  const patience = AbortSignal.timeout(120_000);
  while (pids.some((pid) => existsSync(`/proc/${pid}`))) await pause(10, undefined, { signal: patience });
}

/** For `env`: the program's clock is ahead by so many milliseconds. */
export function clockAhead(ms: number): Record<string, string> {
  const clock = fileURLToPath(new URL('./clock.mjs', import.meta.url));
  return { NODE_OPTIONS: `--import ${clock}`, CLOCK_AHEAD: String(ms) };
}
