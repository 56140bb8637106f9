/** The stage for lies: a small repository behind a real sshd whose rsync lies, its replica, the built program between. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finished, ratchet, type RatchetOptions } from '../cli.ts';
import { type Value, writeConfig, type WrittenConfig } from '../config.ts';
import { hurried } from '../hurry.ts';
import { allEnded, processesOf } from '../processes.ts';
import { whenSpokenTo } from '../scripted.ts';
import { type Sshd, startSshd } from '../sshd.ts';
import { type Ending, temporaryFolder } from '../temporary.ts';
import { digest } from '../tree.ts';
import { deletedPack, modifiedPack, writeNew, writeOld } from './repository.ts';
import type { Attack, Lie } from './words.ts';

type Orders = Pick<Attack, 'audit' | 'packs' | 'fetch' | 'calls' | 'channel'>;
type Settings = Pick<Attack, 'stall' | 'run' | 'limits' | 'spotCheck' | 'sandbox'>;

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** serverA, in the attacker's hands: whoever logs in is served what the night's own `rsync` says. */
export interface Stage {
  readonly sshd: Sshd<'backup'>;
  /** A replica in step with serverA but for what is new there, and for the crime. */
  night(t: Ending, attack: Orders & Settings & Pick<Attack, 'crime' | 'clock'>): Night;
  stop(): Promise<void>;
}

export interface Night {
  readonly folder: string;
  readonly config: WrittenConfig;
  readonly replica: string;
  /** Runs the program to its end, and sees what it took. */
  run(args: readonly string[], options?: RatchetOptions): Promise<Judged>;
  /** serverA is honest and quick enough from now on. */
  repent(): void;
  /** serverA is what listens on this port of loopback, known by sshd's key. */
  redirect(port: number): void;
  /** The replica's files, inode for inode, without the program's own folder. */
  files(): string[];
  /** Files below a folder of the program's own: their paths and sizes. */
  own(name: 'incoming' | 'candidate' | 'quarantine'): { readonly paths: string[]; readonly bytes: number };
}

/** A finished run with `--json`, and what it cost. */
export interface Judged extends Finished {
  /** The one run of the JSON; undefined for commands that print none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
  readonly run: any;
  /** The most memory that our process held, in bytes. */
  readonly peak: number;
  /** What the liar got rid of, in bytes. */
  readonly taken: number;
  readonly seconds: number;
}

/** Starts serverA; to be stopped in `after`. */
export async function startStage(): Promise<Stage> {
  const folder = temporaryFolder();
  const sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [{ name: 'backup' }] });
  try {
    await makeTemplate(join(folder, 'template'), sshd);
  } catch (error) {
    await sshd.stop();
    throw error;
  }
  return {
    sshd,
    night: (t, attack) => stageNight(t, join(folder, 'template'), sshd, attack),
    stop: () => sshd.stop(),
  };
}

/** A repository, its replica after `init` and the first `sync`, and the state of both; made once for a file. */
async function makeTemplate(folder: string, sshd: Sshd<'backup'>): Promise<void> {
  mkdirSync(folder, { mode: 0o700 });
  writeOld(join(folder, 'source'));
  const config = configOf(folder, sshd, {}).file;
  for (const args of [['init', 'nightly'], ['sync']]) {
    const { code, stderr } = await ratchet(args, { config });
    assert.equal(code, 0, stderr);
  }
}

function configOf(folder: string, sshd: Sshd<'backup'>, { stall = '30s', run = '5m', limits = {}, spotCheck = 0, sandbox = 'off' }: Settings): WrittenConfig {
  const account = sshd.accounts.backup;
  const rsync = { remotePath: join(folder, 'rsync'), sandbox };
  writeLiar(folder, {});
  const repository: Record<string, Value> = {
    source: `${account.user}@${account.host}:${join(folder, 'source')}`, rsync, spotCheck,
    timeouts: { connect: '60s', stall, run }, limits: { minFree: '0%', ...limits },
  };
  return writeConfig(folder, account, { repositories: { nightly: repository } });
}

/**
 * The program in rsync's place: its nth call is answered by the liar that has orders for it, else by a real rsync. A call is
 * one to which the client has spoken: a channel that waits for its turn for too long is closed, and opened once more.
 */
function writeLiar(folder: string, { audit, packs, fetch, calls = {}, channel = ':' }: Orders): void {
  const orders: [string, Lie | undefined][] = [['audit', audit], ['3', packs], ['fetch', fetch], ...Object.entries(calls)];
  for (const name of readdirSync(folder).filter((one) => /^(?:\d+|audit|fetch)\.json$/.test(one))) rmSync(join(folder, name));
  for (const [name, lie] of orders) {
    if (lie !== undefined) writeFileSync(join(folder, `${name}.json`), JSON.stringify({ root: join(folder, 'source'), lie }));
  }
  const lines = [
    '#!/bin/sh', `cd ${folder} || exit`,
    'start=1; until mkdir starts/$start; do start=$((start + 1)); done 2>/dev/null', channel,
    `${whenSpokenTo} || exit`, 'read -r n <calls; echo $((n + 1)) >calls',
    'case " $* " in *" --from0 "*) call=fetch ;; *) call=audit ;; esac',
    `for orders in $((n + 1)) $call; do`,
    `  if [ -e $orders.json ]; then LIAR_TAKEN=${folder}/taken exec ${process.execPath} ${beside('liar.mjs')} $orders.json "$@"; fi`,
    'done', 'exec rsync "$@"',
  ];
  rmSync(join(folder, 'starts'), { recursive: true, force: true });
  mkdirSync(join(folder, 'starts'));
  writeFileSync(join(folder, 'calls'), '0\n');
  writeFileSync(join(folder, 'rsync'), `${lines.join('\n')}\n`, { mode: 0o700 });
}

function stageNight(t: Ending, template: string, sshd: Sshd<'backup'>, attack: Parameters<Stage['night']>[1]): Night {
  const folder = temporaryFolder(t);
  execFileSync('cp', ['-a', ...['source', 'replica', 'state'].map((name) => join(template, name)), folder]);
  const source = join(folder, 'source');
  writeNew(source);
  if (attack.crime ?? attack.fetch === undefined) commitCrime(source);
  const config = configOf(folder, sshd, attack);
  writeLiar(folder, attack);
  const [temporary, peak, taken] = ['tmp', 'peak', 'taken'].map((name) => join(folder, name)) as [string, string, string];
  mkdirSync(temporary);
  const clock = hurried(join(folder, 'hours'), attack.clock ?? 'run');
  return {
    folder, config, replica: config.replica,
    async run(args, options = {}) {
      const env = { TMPDIR: temporary, NODE_OPTIONS: `--import ${beside('peak.mjs')} ${clock.option}`, PEAK_FILE: peak, ...clock.env };
      const began = performance.now();
      const finished = await ratchet(['--json', ...args], { config: config.file, ...options, env: { ...env, ...options.env } });
      const seconds = (performance.now() - began) / 1000;
      const number = (file: string): number => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
      await assertNothingLeft(temporary);
      return { ...finished, run: finished.stdout.startsWith('{') ? finished.json().runs?.[0] : undefined, peak: number(peak) * 1024, taken: number(taken), seconds };
    },
    repent: () => { configOf(folder, sshd, {}); },
    redirect: (port) => {
      const { host, user, identityFile, knownHostsFile } = sshd.accounts.backup;
      const nightly = { source: `${user}@${host}:/`, replica: config.replica, ssh: { port, identityFile, knownHostsFile }, timeouts: { connect: '2s' } };
      writeConfig(folder, sshd.accounts.backup, { repositories: { nightly } });
    },
    files: () => digest(config.replica, { inode: true, folders: false, without: ['.rsync-ratchet'] }),
    own(name) {
      const below = join(config.replica, '.rsync-ratchet', name);
      const lines = existsSync(below) ? digest(below, { folders: false }) : [];
      const sizes = lines.map((line) => Number(/ size=(\d+)/.exec(line)?.[1] ?? 0));
      return { paths: lines.map((line) => line.split(' ', 1)[0] ?? ''), bytes: sizes.reduce((sum, size) => sum + size, 0) };
    },
  };
}

/** A pack deleted and another changed. */
function commitCrime(source: string): void {
  rmSync(join(source, deletedPack));
  appendFileSync(join(source, modifiedPack), 'encrypted by somebody else');
}

/** No process of the run is left, and none of its temporary files. A killed process may take a moment to go. */
async function assertNothingLeft(temporary: string): Promise<void> {
  await allEnded(processesOf(temporary));
  assert.deepEqual(readdirSync(temporary), []);
}
