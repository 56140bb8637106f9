/** How ssh is called: what protects us, how it logs in, and its environment. */
import { readFileSync } from 'node:fs';
import type { Repository } from '../config/types.ts';
import type { Command } from './process.ts';

/** A repository that ssh or sftp leads to. */
export type RemoteRepository = Repository & { source: Extract<Repository['source'], { kind: 'ssh' | 'sftp' }> };
export type SshRepository = Repository & { source: Extract<Repository['source'], { kind: 'ssh' }> };

/** The master's command line. It honours the user's ssh configuration; what protects us comes first and wins. */
export function masterCommand(repository: SshRepository, socket: string, forks = true): Command {
  const own = [
    '-M',
    '-N',
    '-T',
    '-S',
    socket,
    '-oControlPersist=no',
    ...(forks ? ['-oForkAfterAuthentication=no'] : []),
  ];
  return { file: 'ssh', args: [...own, ...loginArguments(repository)], env: masterEnvironment() };
}

/** How ssh logs in: options, key, user, host, and a port where the configuration has one. */
export function loginArguments(repository: RemoteRepository): string[] {
  const { source, ssh } = repository;
  const identity = ssh.identityFile === undefined ? [] : ['-i', ssh.identityFile];
  const port = portOf(repository);
  const user = source.user === undefined ? [] : ['-l', source.user];
  return [
    ...sshOptions(repository).map((option) => `-o${option}`),
    ...identity,
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...user,
    '--',
    source.host,
  ];
}

/** sshd's port on serverA, as far as we say one; an sftp address may name its own. */
export function portOf({ source, ssh }: RemoteRepository): number | undefined {
  return source.kind === 'sftp' ? (source.port ?? ssh.port) : ssh.port;
}

/**
 * What protects us, and what a line in ssh_config could break (ssh_config(5), option by option; the table is in
 * test/programs/ssh-config.test.ts). These come first, and ssh takes the first.
 */
export const fixedOptions = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'Tunnel=no',
  'PermitLocalCommand=no',
  'NoHostAuthenticationForLocalhost=no',
  'VerifyHostKeyDNS=no',
  'UpdateHostKeys=no',
  'AddKeysToAgent=no',
  'RemoteCommand=none',
  'EscapeChar=none',
];

/** The values of `-o`, for ssh and for sshfs: what protects, the configuration's own, and what that may change. */
export function sshOptions({ ssh, timeouts }: Repository): string[] {
  return [
    ...fixedOptions,
    ...(ssh.knownHostsFile === undefined ? [] : [`UserKnownHostsFile=${quoted(ssh.knownHostsFile)}`]),
    ...(ssh.identityFile === undefined ? [] : ['IdentitiesOnly=yes']),
    ...ssh.options,
    `ConnectTimeout=${Math.ceil(timeouts.connect / 1000)}`,
    'ServerAliveInterval=15',
    'ServerAliveCountMax=4',
    'LogLevel=ERROR',
    ...(hasAes() ? ['Ciphers=^aes128-gcm@openssh.com'] : []),
  ];
}

/** ssh through the master's socket, up to the command; without the master there is no connection at all. */
export function throughMaster(socket: string, host: string): string[] {
  return [
    'ssh',
    '-F',
    '/dev/null',
    '-oControlMaster=no',
    '-oProxyCommand=false',
    '-oBatchMode=yes',
    '-oLogLevel=ERROR',
    `-oControlPath=${socket}`,
    '--',
    host,
  ];
}

/** rsync's form of the source; a slash at its end means the folder's content. */
export function rsyncSource(source: SshRepository['source']): string {
  const host = source.host.includes(':') ? `[${source.host}]` : source.host;
  return `${source.user === undefined ? '' : `${source.user}@`}${host}:${withSlash(source.path)}`;
}
export function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/** ssh splits option values at blanks and expands `%`. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/** The master runs as the operator's ssh would: their configuration and agent, nothing else. */
export function masterEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'XDG_RUNTIME_DIR'];
  const entries = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { LC_ALL: 'C', ...(Object.fromEntries(entries) as Record<string, string>) };
}

/** AES-GCM moves data in 0.79 of the time of ssh's default where the processor helps, and slower where it does not. */
function hasAes(): boolean {
  try {
    return /^(flags|Features)\s*:.*\baes\b/m.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false; // without /proc: ssh's own default
  }
}
