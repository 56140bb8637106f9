/** serverA and a newcomer's home for `setup`: nothing outside of that home is read or written, no crontab, and no systemd. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { give, prefixOf } from './asked.ts';
import { program } from './cli.ts';
import { preparedRepository } from './restic.ts';
import { type Sshd, startSshd } from './sshd.ts';
import { temporaryFolder } from './temporary.ts';
import { Terminal } from './terminal.ts';
import { digest } from './tree.ts';

/** serverA, with two repositories and no key of ours. */
export interface Host {
  readonly folder: string;
  readonly sshd: Sshd<never>;
  /** As serverA's operator reads it. */
  readonly fingerprint: string;
  /** Where the repositories are, behind rrsync that has their folder. */
  readonly source: string;
  /** Its operator waits for the line that is printed, and puts it into authorized_keys, with the folder of the repositories. */
  allow(terminal: Terminal): Promise<void>;
  /** The same of a line that was printed before. */
  authorise(printed: string): void;
}

/** Starts it; the repositories are `one` and `two`. */
export async function startHost(): Promise<Host> {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  for (const name of ['one', 'two']) await preparedRepository(join(folder, 'restic', name));
  execFileSync('chmod', ['-R', 'a+rX', join(folder, 'restic')]);
  const sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [] });
  const fingerprint = execFileSync('ssh-keygen', ['-lf', join(folder, 'sshd/host_key.pub')], { encoding: 'utf8' }).split(' ')[1] ?? '';
  const authorise = (printed: string): void => {
    const line = lineToAllow.exec(printed)?.[0] ?? '';
    appendFileSync(join(folder, 'sshd/authorized_keys'), line.replace(/command="[^"]*"/, `command="rrsync -ro ${join(folder, 'restic')}"`));
  };
  return {
    folder, sshd, fingerprint, source: `${sshd.user}@127.0.0.1:/`,
    authorise,
    allow: async (terminal) => { authorise((await terminal.see(lineToAllow))[0]); },
  };
}

const lineToAllow = /restrict,command="[^"]*" ssh-ed25519 \S+ [^\n]*\n/;

/** crontab(1) of cron 3.0, as far as it is asked here: it keeps what it has in the home. */
export const crontab = `#!/bin/sh
case $1 in
  -l) [ -e "$HOME/crontab" ] || { echo "no crontab for $(id -un)" >&2; exit 1; }; cat "$HOME/crontab" ;;
  *) cat -- "$1" >"$HOME/crontab" ;;
esac
`;

/** A user's home, where everything is made. */
export class Home {
  readonly path: string;
  readonly config: string;
  constructor() {
    this.path = temporaryFolder();
    this.config = join(this.path, '.config/rsync-ratchet/config.yaml');
    mkdirSync(this.at('bin'));
    this.fake('crontab', crontab);
    this.fake('systemctl', '#!/bin/sh\nexit 1\n');
    give('ordinary', this.path);
  }

  /** A program that is found before the machine's own. */
  fake(name: string, script: string): void {
    writeFileSync(this.at('bin', name), script, { mode: 0o755 });
  }

  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  start(...args: readonly string[]): Terminal {
    const argv = [...prefixOf('ordinary'), 'sh', '-c', 'umask 002; exec "$@"', 'sh', process.execPath, program, ...args]; // as users of Debian have it
    const PATH = `${this.at('bin')}:${process.env['PATH'] ?? ''}`;
    return new Terminal(argv, { PATH, HOME: this.path, TZ: 'UTC', TERM: 'dumb', TMPDIR: this.path }, this.path);
  }

  /** His crontab; undefined where he has none. */
  crontab(): string | undefined {
    return existsSync(this.at('crontab')) ? readFileSync(this.at('crontab'), 'utf8') : undefined;
  }

  /** Key, host key, password and configuration, as they stand. */
  settings(): string[] {
    return existsSync(this.at('.config')) ? digest(this.at('.config'), { folders: false }) : [];
  }
}

/** A process that looks like a cron at work, until it is stopped. */
export async function startCron(): Promise<{ stop(): Promise<void> }> {
  const file = join(temporaryFolder(), 'cron');
  symlinkSync('/bin/sleep', file);
  const cron = spawn(file, ['infinity'], { stdio: 'ignore' });
  await once(cron, 'spawn');
  return {
    stop: async () => {
      cron.kill('SIGKILL');
      await once(cron, 'close');
    },
  };
}
