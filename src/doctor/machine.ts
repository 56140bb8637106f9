/** What `doctor` looks at on this machine: programs, the state folder, the clock, who is told, and who starts a night. */
import type { Config, Repository } from '../config/config.ts';
import { day } from '../config/units.ts';
import { bad, good, warning, type Verdict } from './checkup.ts';
import { isOlder, versionArguments, versionIn, type Versioned } from '../programs/versions.ts';
import { versionVerdict } from './version-verdict.ts';
import { ask, secretCross, type Check } from './ask.ts';
import { findProgram } from '../programs/process.ts';
import { State } from '../ratchet/state.ts';
import { schedule } from './schedule.ts';
import { stateFolder } from './state-folder.ts';
import { settingsOf, type Channel } from '../telling/channel.ts';
import { channels, routesOf } from '../telling/channels.ts';

const utilLinux = ['flock', 'unshare', 'prlimit', 'setpriv'];

/** All of it, for the repositories that are looked at. */
export function machineChecks(config: Config, repositories: readonly Repository[]): Check[] {
  return [
    { item: 'node', look: node },
    ...programs(repositories),
    { item: 'state', look: () => stateFolder(config.state ?? '', repositories) },
    { item: 'clock', look: (signal) => clock(config, repositories, new Date(), signal) },
    ...channels.flatMap((channel) => tellingCheck(config, channel)),
    ...(routesOf(config).length === 0 ? [{ item: 'alerts', look: () => untold }] : []),
    {
      item: 'schedule',
      look: (signal) =>
        schedule(
          repositories.map(({ name }) => name),
          signal,
        ),
    },
  ];
}

const untold = warning(
  'none configured: nobody is told of an alarm but by exit codes',
  'add alerts.email or alerts.command to the configuration',
);

/** One way to tell: its secrets first, then what it looks at itself. */
function tellingCheck(config: Config, channel: Channel): Check[] {
  const settings = settingsOf(config, channel);
  if (settings === undefined) return [];
  const crossed = (): Verdict | undefined =>
    channel
      .secrets(settings)
      .map(({ file }) => secretCross(file))
      .find((verdict) => verdict !== undefined);
  return [{ item: channel.name, look: () => crossed() ?? channel.look(settings) }];
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
  if (!repositories.some((one) => one.restic.path === path && one.restic.hasPassword)) {
    return good('not needed: no password (restic.passwordFile, passwordCommand)');
  }
  return versioned('restic', path, signal);
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
