/** What `doctor` looks at on this machine: programs, the state folder, the clock, who is told, and who starts a night. */
import { formatBytes } from '../figures.ts';
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config, Email, Repository } from '../config/config.ts';
import { day } from '../config/units.ts';
import { bad, good, startsUs, warning, type Verdict } from './checkup.ts';
import { isOlder, versionArguments, versionIn, type Versioned } from '../programs/versions.ts';
import { versionVerdict } from './version-verdict.ts';
import { ask, secretCross, type Check } from './ask.ts';
import { isWritable } from '../state/files.ts';
import { isThisMachine } from '../config/smtp.ts';
import { findProgram } from '../programs/process.ts';
import { stateFiles, strangersIn } from '../state/owner.ts';
import { freeSpace } from '../ratchet/replica.ts';
import { freeInodes } from '../ratchet/replica-place.ts';
import { readScrubMemory } from '../scrub/memory.ts';
import { snapshotsSeen } from '../ratchet/snapshots-seen.ts';
import { addressIn, passwordFault } from '../config/secret-line.ts';
import { State } from '../ratchet/state.ts';

/** How long a mail server may take for one step, in milliseconds. */
const smtpPatience = 15_000;
/** What journal, memory and lists of a night may need. */
const leastState = { bytes: 1024 * 1024, files: 16 };
const utilLinux = ['flock', 'unshare', 'prlimit', 'setpriv'];

/** All of it, for the repositories that are looked at. */
export function machineChecks(config: Config, repositories: readonly Repository[]): Check[] {
  const { email } = config.alerts;
  return [
    { item: 'node', look: node },
    ...programs(repositories),
    { item: 'state', look: () => stateFolder(config.state ?? '', repositories) },
    { item: 'clock', look: (signal) => clock(config, repositories, new Date(), signal) },
    { item: 'mail', look: () => mail(email) },
    ...ping(config.monitoring.ping?.urlFile),
    ...metrics(config.monitoring.metricsFile),
    { item: 'schedule', look: schedule },
  ];
}

function node(): Verdict {
  const version = process.versions.node;
  return isOlder(version, '20.0.0')
    ? bad(version, 'install Node.js 20 or newer (apt-get install nodejs)')
    : good(version);
}

function programs(repositories: readonly Repository[]): Check[] {
  const paths = (of: (repository: Repository) => string): string[] => [...new Set(repositories.map(of))];
  const kinds = new Set(repositories.map(({ source }) => source.kind));
  return [
    ...paths(({ rsync }) => rsync.path).map((path) => ({
      item: 'rsync',
      look: (signal: AbortSignal) => versioned('rsync', path, signal),
    })),
    ...(kinds.has('ssh') || kinds.has('sftp') ? [{ item: 'ssh', look: ssh }] : []),
    ...(kinds.has('sftp') ? [{ item: 'sshfs', look: () => good(findProgram('sshfs', 'sshfs')) }] : []),
    ...paths(({ restic }) => restic.path).map((path) => ({
      item: 'restic',
      look: (signal: AbortSignal) => restic(path, repositories, signal),
    })),
    { item: 'util-linux', look: () => good(utilLinux.map((name) => findProgram(name, 'util-linux')).join(' ')) },
  ];
}

/** A program whose version matters: what it says, and what that version lacks. */
async function versioned(kind: Versioned, path: string, signal: AbortSignal): Promise<Verdict> {
  const program = findProgram(path, kind);
  const { stdout, stderr } = await ask(program, versionArguments[kind], signal);
  const version = versionIn(kind, stdout);
  if (version !== undefined) return versionVerdict(kind, version, program);
  return bad(
    `${program} does not say its version${stderr === '' ? '' : `: ${stderr}`}`,
    `is it ${kind}? apt-get install --reinstall ${kind}`,
  );
}

async function ssh(signal: AbortSignal): Promise<Verdict> {
  const program = findProgram('ssh', 'openssh-client');
  return good(`${(await ask(program, ['-V'], signal)).stderr.trim()} (${program})`);
}

function restic(path: string, repositories: readonly Repository[], signal: AbortSignal): Verdict | Promise<Verdict> {
  if (!repositories.some((one) => one.restic.path === path && one.restic.passwordFile !== undefined)) {
    return good('not needed: no restic.passwordFile');
  }
  return versioned('restic', path, signal);
}

function stateFolder(folder: string, repositories: readonly Repository[]): Verdict {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) {
    return canMake(folder)
      ? good(`${folder} (will be made)`)
      : bad(`${folder} cannot be made`, `install -d -m 700 -o "$(id -un)" ${folder}`);
  }
  if (!stats.isDirectory()) return bad(`${folder} is no folder`, 'move it away, or name another folder with state');
  if (stats.uid !== process.getuid?.())
    return bad(`${folder} belongs to another user`, `run as its owner, or: chown -R "$(id -un)" ${folder}`);
  if (!isWritable(folder)) return bad(`${folder} is not writable`, `chmod u+rwx ${folder}`);
  const [stranger] = strangersIn(
    repositories.flatMap(({ name }) => stateFiles(folder, name)),
    process.getuid(),
  );
  if (stranger !== undefined)
    return bad(
      `${stranger} belongs to another user, and a night must write there`,
      `as root: chown -R "$(id -un)" ${folder}`,
    );
  const open = repositories
    .map(({ name }) => join(folder, name, 'state.lock'))
    .find((lock) => ((lstatSync(lock, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0);
  if (open !== undefined)
    return warning(
      `${open} is open to others: who can read it can hold it, and nothing can be written`,
      `chmod 600 ${open}`,
    );
  const full = fullness(folder);
  if (full !== undefined) return full;
  for (const { name } of repositories) requireReadable(folder, name);
  // The group may read: that is how a monitoring user sees `status`.
  return (stats.mode & 0o027) === 0 ? good(folder) : warning(`${folder} is open to others`, `chmod g-w,o= ${folder}`);
}

/** The state may lie on another disk than the replica, and a night that cannot write its journal does nothing. */
function fullness(folder: string): Verdict | undefined {
  const [{ free }, inodes] = [freeSpace(folder), freeInodes(folder)];
  if (free >= leastState.bytes && (inodes === undefined || inodes.free >= leastState.files)) return undefined;
  const files = inodes === undefined ? '' : ` and ${inodes.free} inodes`;
  return bad(
    `the disk of ${folder} has ${formatBytes(free)}${files} free: a night can hardly write its journal there`,
    `make room on that disk (df ${folder}; df -i ${folder})`,
  );
}

/** Throws Failure for a file of the state that is damaged: each night would end with it. */
function requireReadable(folder: string, name: string): void {
  const state = new State(folder, name);
  state.journal.verify(); // what it comes to is told by `history --verify`
  state.memory();
  state.alarm();
  state.windows();
  state.tombstones.ownBooks();
  snapshotsSeen(state.folder);
  readScrubMemory(state.folder);
}

/** The clock decides when a deleted file leaves: it is compared with the journals, and the machine is asked. */
async function clock(
  config: Config,
  repositories: readonly Repository[],
  now: Date,
  signal: AbortSignal,
): Promise<Verdict> {
  const times = repositories.map(({ name }) =>
    Date.parse(new State(config.state ?? '', name).memory().clock.believed ?? ''),
  );
  const newest = Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
  const mend = 'timedatectl set-ntp true; then compare: date -u';
  if (newest > now.getTime() + 60_000)
    return bad(
      `${now.toISOString()} is before the last run whose clock was right (${new Date(newest).toISOString()})`,
      mend,
    );
  if (newest > 0 && now.getTime() - newest > 7 * day)
    return warning(
      `${now.toISOString()}: more than seven days after the last run whose clock was right, so nothing would expire`,
      `date -u; if it is right, it is believed again once the nights have gone on for a week; due dates move on by the gap`,
    );
  const { stdout } = await ask('timedatectl', ['show', '--property=NTPSynchronized', '--value'], signal);
  return stdout.trim() === 'no' ? warning(`${now.toISOString()}, not synchronised`, mend) : good(now.toISOString());
}

async function mail(email: Email | undefined): Promise<Verdict> {
  if (email === undefined)
    return warning(
      'none configured: nobody is told of an alarm but by exit codes',
      'add alerts.email to the configuration',
    );
  const { transport } = email;
  if (transport.kind === 'sendmail')
    return good([findProgram(transport.path, 'a mail server such as postfix'), ...transport.args].join(' '));
  if (transport.kind === 'directory') {
    return isWritable(transport.path)
      ? good(`${transport.path} (files)`)
      : bad(`${transport.path} is not there, or not writable`, `install -d -m 700 -o "$(id -un)" ${transport.path}`);
  }
  const fault = secretCross(transport.passwordFile);
  if (fault !== undefined) return fault;
  const wrong = transport.passwordFile === undefined ? undefined : passwordFault(transport.passwordFile);
  if (wrong !== undefined) return bad(wrong, `write it anew, as one line, into ${transport.passwordFile ?? ''}`);
  const place = `${transport.host}:${transport.port}`;
  const { greetingOf, greetSmtp } = await import('../telling/transport.ts');
  const failure = await greetSmtp(transport, smtpPatience);
  const name = greetingOf(transport);
  if (failure === undefined && name === undefined && !isThisMachine(transport.host))
    return warning(
      `${place} answers, but this machine knows no full name of its own to greet it with: strict servers take no mail then`,
      'say alerts.email.smtp.name: the full name of this machine',
    );
  if (failure === undefined)
    return good(`${place} answers${transport.user === undefined ? '' : `, and knows ${transport.user}`}`);
  return bad(`${place}: ${failure.message}`, `${failure.hint}; then: rsync-ratchet alert test`);
}

function ping(file: string | undefined): Check[] {
  const look = (): Verdict => {
    const fault = secretCross(file);
    if (fault !== undefined) return fault;
    const address = addressIn(file ?? '');
    return address instanceof URL
      ? good(`${file ?? ''} has an address`)
      : bad(address, `put the one http(s) address of the monitor into ${file ?? ''}`);
  };
  return file === undefined ? [] : [{ item: 'ping', look }];
}

function metrics(file: string | undefined): Check[] {
  if (file === undefined) return [];
  const folder = dirname(file);
  return [
    {
      item: 'metrics',
      look: () =>
        isWritable(folder)
          ? good(file)
          : bad(`${folder} is not there, or not writable`, `install -d -o "$(id -un)" ${folder}`),
    },
  ];
}

/** A crontab that is ours to read, or a timer. */
async function schedule(signal: AbortSignal): Promise<Verdict> {
  const files = [
    '/etc/crontab',
    ...filesIn('/etc/cron.d'),
    ...filesIn('/etc/cron.daily'),
    ...filesIn('/var/spool/cron/crontabs'),
  ];
  const file = files.find((one) => startsUs(readIfPossible(one)));
  if (file !== undefined) return good(file);
  const askable = [
    ['crontab', '-l'],
    ['systemctl', 'list-timers', '--all', '--no-pager'],
    ['systemctl', '--user', 'list-timers', '--all', '--no-pager'],
  ] as const;
  for (const [program, ...args] of askable) {
    if (startsUs((await ask(program, args, signal)).stdout)) return good([program, ...args.slice(0, 2)].join(' '));
  }
  return warning(
    'no crontab and no timer starts a night',
    'systemctl enable --now rsync-ratchet.timer, or copy scripts/cron.d/rsync-ratchet to /etc/cron.d',
  );
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return []; // not there, or not ours to read
  }
}

function readIfPossible(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Whether a folder is writable, or could be made. */
function canMake(folder: string): boolean {
  return existsSync(folder) || dirname(folder) === folder ? isWritable(folder) : canMake(dirname(folder));
}
