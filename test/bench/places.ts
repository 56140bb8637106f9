/** Repositories of the layout whose names are true hashes, their replicas, and the sshd between. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { admissionOrder, foldersOf, repositoryPath, type HashedType } from '../../src/layout.ts';
import { program } from '../support/cli.ts';
import { keyFile } from '../support/resticInit.ts';
import { type Value, writeConfig } from '../support/config.ts';
import { rrsyncCommand, sftpCommand, type SshAccount, type Sshd, startSshd } from '../support/sshd.ts';

/** serverA's side and ours, for a repository of one size. */
export interface Place {
  readonly folder: string;
  readonly source: string;
  readonly replica: string;
  readonly configFile: string;
  readonly account: SshAccount;
  /** The same repository and replica, with serverA at the end of another way. */
  over(account: SshAccount): Place;
}

/** Where everything lies, and who serves it. */
export class Bench {
  readonly folder: string;
  readonly #sshd: Sshd<string>;

  private constructor(folder: string, sshd: Sshd<string>) {
    this.folder = folder;
    this.#sshd = sshd;
  }

  static async begin(folder: string, names: readonly string[]): Promise<Bench> {
    rmSync(join(folder, 'sshd'), { recursive: true, force: true });
    const accounts = names.map((name) => ({ name, command: rrsyncCommand(join(folder, name, 'source')) }));
    const others = [{ name: 'sftp', command: sftpCommand }, { name: 'nothing', command: 'true' }];
    return new Bench(folder, await startSshd({ folder: join(folder, 'sshd'), accounts: [...accounts, ...others] }));
  }

  connections(): number { return this.#sshd.connections(); }

  stop(): Promise<void> { return this.#sshd.stop(); }

  get sftp(): SshAccount { return this.#accountOf('sftp'); }

  /** Where a command that does nothing is all that is run. */
  get nothing(): SshAccount { return this.#accountOf('nothing'); }

  #accountOf(name: string): SshAccount {
    return this.#sshd.accounts[name] ?? fail(`no account ${name}`);
  }

  /** A place without a repository. */
  place(name: string, nightly: Readonly<Record<string, Value>> = {}): Place {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const account = this.#accountOf(name);
    const { file, replica } = writeConfig(folder, account, { repositories: { nightly: { spotCheck: 5, ...nightly } } });
    return placeAt({ folder, source: join(folder, 'source'), replica, configFile: file, account });
  }

  /** A repository of so many tiny files, and a replica in step with it; kept from run to run. */
  inStep(name: string, files: number): Place {
    const place = this.place(name);
    if (existsSync(join(place.folder, 'complete'))) return place;
    say(`making ${name}: ${files} files`);
    makeRepository(place.source, files);
    execFileSync('cp', ['-al', place.source, place.replica]);
    run(place, ['init', '--trust-existing', 'nightly']);
    run(place, ['sync']);
    writeFileSync(join(place.folder, 'complete'), '');
    return place;
  }
}

/** A place that can be reached another way, by a configuration of its own. */
function placeAt(place: Omit<Place, 'over'>): Place {
  const over = (account: SshAccount): Place => {
    const config = JSON.parse(readFileSync(place.configFile, 'utf8')) as { repositories: { nightly: { ssh: object } } };
    const { port, knownHostsFile } = account;
    Object.assign(config.repositories.nightly.ssh, { port, knownHostsFile });
    const configFile = join(place.folder, 'over.yaml');
    writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
    return placeAt({ ...place, account, configFile });
  };
  return { ...place, over };
}

/** Runs the program for its effect. */
export function run(place: Place, args: readonly string[]): string {
  return execFileSync(process.execPath, [program, '--config', place.configFile, '--json', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
}

/** The command line of the program, as cron runs it. */
export function ours(place: Place, ...args: readonly string[]): string[] {
  return [program, '--config', place.configFile, '--json', ...args];
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function fail(message: string): never {
  throw new Error(message);
}

/** Files are spread as restic spreads them: nearly all are packs. */
export function makeRepository(source: string, files: number): void {
  rmSync(source, { recursive: true, force: true });
  for (const folder of admissionOrder.flatMap(foldersOf)) mkdirSync(join(source, folder), { recursive: true });
  writeFileSync(join(source, 'config'), randomBytes(155));
  addFile(source, 'key', Buffer.from(keyFile('password', randomBytes(64))));
  for (let n = 1; n < files; n++) addFile(source, n % 500 === 1 ? 'index' : n % 500 === 2 ? 'snapshot' : 'pack', Buffer.from(`content ${n} `.padEnd(60)));
}

export function addFile(source: string, type: HashedType, content: Buffer): string {
  const path = repositoryPath(type, createHash('sha256').update(content).digest('hex'));
  writeFileSync(join(source, path), content, { mode: 0o600 });
  return path;
}

/** New packs of random bytes. */
export function addPacks(source: string, count: number, bytes: number): string[] {
  return Array.from({ length: count }, () => addFile(source, 'pack', randomBytes(bytes)));
}
