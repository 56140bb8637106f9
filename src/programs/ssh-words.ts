/** What ssh's words may mean, for people; no decision rests on them but on its version, which says what it can be asked for. */
import type { Repository } from '../config/config.ts';
import { escapeText } from '../printable.ts';
import { Failure } from '../errors.ts';
import { loginFault } from './ssh-files.ts';
import type { Word } from './versions.ts';

/** What ssh says, and what to do about it; of a login that failed first what a look at our own files explains. The hints are for the operator. */
export function connectionFailure(repository: Repository & { source: { host: string } }, stderr: string): Failure {
  const fault = /permission denied|host key/i.test(stderr) ? loginFault(repository.ssh) : undefined;
  const hint =
    fault ??
    sshHints.find(({ pattern }) => pattern.test(stderr))?.means ??
    `try: ssh ${repository.ssh.port === undefined ? '' : `-p ${repository.ssh.port} `}${repository.source.host}`;
  const said = spokenBy(stderr) || 'no answer in time';
  return new Failure(`no ssh connection to ${repository.source.host}: ${said}`, `${hint}; nothing was fetched`);
}

/** ssh's words on one line, printable, without the frames of `@` that it draws around its warnings. */
function spokenBy(stderr: string): string {
  const lines = stderr.split(/\r?\n/).map((line) => line.trim().replace(/^@+\s*|\s*@+$/g, ''));
  return escapeText(lines.filter((line) => line !== '').join('; '));
}

/** A row is tried after those above it. */
const sshHints: readonly Word[] = [
  {
    versions: 'OpenSSH 9.2',
    pattern: /host key (verification failed|is known)|HOST IDENTIFICATION HAS CHANGED/i,
    means:
      'the host key is unknown or has changed: compare it on serverA (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then put it into the knownHostsFile',
  },
  {
    versions: 'OpenSSH 9.2',
    pattern: /UNPROTECTED PRIVATE KEY|bad permissions|not accessible/i,
    means: 'ssh cannot use the identityFile: it must exist and be 0600',
  },
  {
    versions: 'sshfs 3.7',
    pattern: /^fusermount3?: |^fuse: /m,
    means:
      'FUSE is not allowed here: may this user open /dev/fuse (crw-rw-rw-), and is fusermount3 setuid root? Where that cannot be, as in a systemd unit, root must own the nights: see src/manual/running.md for an sftp source',
  },
  {
    versions: 'OpenSSH 9.2',
    pattern: /^(?:\S+@\S+: )?Permission denied \(|^\S+@\S+: Permission denied|Too many authentication/im,
    means: 'serverA refused the key: is it in the authorized_keys of that account, and is identityFile the right one?',
  },
  {
    versions: 'sshfs 3.7',
    pattern: /^\S+:\S*: (No such file or directory|Not a directory)$/m,
    means:
      'the path in source is no folder on serverA: correct it (an absolute one, or where the account is in a chroot, as seen from there)',
  },
  {
    versions: 'sshfs 3.7 and OpenSSH 9.2',
    pattern: /remote host has disconnected/i,
    means:
      'no sftp server answers for this account: does it have sftp (ForceCommand internal-sftp -R)? Where it has rrsync, source is user@host:/ without sftp://',
  },
  {
    versions: 'OpenSSH 9.2',
    pattern: /Connection refused/i,
    means:
      'nothing listens there: is sshd running on serverA, and is its port right (ssh.port, or Port in ssh_config)?',
  },
  {
    versions: 'OpenSSH 9.2',
    pattern: /Could not resolve|Name or service not known/i,
    means: 'the name of serverA does not resolve: check source and DNS',
  },
  {
    versions: 'not recorded',
    pattern: /timed out|No route|unreachable/i,
    means: 'serverA does not answer: is it up, and is the network between open?',
  },
];

const itsVersion: Word = { versions: 'all', pattern: /OpenSSH_(\d+)\.(\d+)/, means: 'which OpenSSH it is' };

/** Whether an ssh that says this of itself (-V) has ForkAfterAuthentication, which came with OpenSSH 8.7. */
export function saysItKnowsForking(said: string): boolean {
  const [, major = 0, minor = 0] = itsVersion.pattern.exec(said) ?? [];
  return Number(major) > 8 || (Number(major) === 8 && Number(minor) >= 7);
}
