/** The peers: what people would run instead. */
import { join } from 'node:path';
import type { SshAccount } from '../support/sshd.ts';

/** ssh for `rsync -e`, with the cipher that we take, and without the user's own configuration. */
export function remoteShell({ port, identityFile, knownHostsFile }: SshAccount, ...more: readonly string[]): string {
  return ['ssh', '-F', '/dev/null', '-p', port, '-i', identityFile, `-oUserKnownHostsFile=${knownHostsFile}`, '-oBatchMode=yes', '-oStrictHostKeyChecking=yes', ...more].join(' ');
}

/** The cipher that we ask for where the processor has AES. */
export const sameCipher = '-oCiphers=^aes128-gcm@openssh.com';

const from = ({ user, host }: SshAccount): string => `${user}@${host}:/`;

/** The bare scan that B1 is measured against. */
export function bareScan(account: SshAccount, replica: string): string[] {
  return ['rsync', '-a', '--delete', '-n', '-i', '--exclude=/.rsync-ratchet/', '-e', remoteShell(account), from(account), `${replica}/`];
}

/** The two-scan shell script: dry run, grep, then the copy. */
export function twoScans(account: SshAccount, replica: string): string[] {
  const script = `set -eu
    if rsync -a --delete -n -i -e "$1" "$2" "$3" | grep -qE '^(\\*deleting|>f[^+])'; then echo changed; exit 3; fi
    rsync -a --ignore-existing -e "$1" "$2" "$3"`;
  return ['sh', '-c', script, 'sh', remoteShell(account), from(account), `${replica}/`];
}

export function bareCopy(account: SshAccount, target: string, options: readonly string[] = []): string[] {
  return ['rsync', '-rt', ...options, '-e', remoteShell(account, sameCipher), from(account), `${target}/`];
}

/** The same command, and all of it on the disk before it ends, as what comes in with us is. */
export function flushed(command: readonly string[], target: string): string[] {
  return ['sh', '-c', 'set -eu; target=$1; shift; "$@"; exec sync -f "$target"', 'sh', target, ...command];
}

/** Five bare starts of restic that do nothing but open the repository: what a key costs, five times. */
export function fiveStarts(repository: string, passwordFile: string): string[] {
  const script = 'set -eu; for n in 1 2 3 4 5; do restic -q -r "$1" --password-file "$2" --no-lock --no-cache cat config; done';
  return ['sh', '-c', script, 'sh', repository, passwordFile];
}

/** The files of a list into a repository, and then all that is in it read by restic. */
export function copyAndRead(account: SshAccount, target: string, list: string, passwordFile: string): string[] {
  const script = 'set -eu; target=$1 password=$2; shift 2; "$@"; exec restic -q -r "$target" --password-file "$password" --no-lock --no-cache check --read-data';
  return ['sh', '-c', script, 'sh', target, passwordFile, ...bareCopy(account, target, ['--from0', `--files-from=${list}`])];
}

/** `restic copy` over sftp, from serverA's repository into one of our own; both have the same password. */
export function resticCopy(account: SshAccount, source: string, target: string, passwordFile: string): string[] {
  const { user, host } = account;
  return [
    'restic', '--no-lock', '--no-cache', '-o', `sftp.command=${remoteShell(account)} ${user}@${host} -s sftp`,
    '-r', target, '--password-file', passwordFile, 'copy', '--from-repo', `sftp:${user}@${host}:${source}`, '--from-password-file', passwordFile,
  ];
}

/** `rclone sync --immutable` over sftp; its configuration is all on the command line. */
export function rcloneSync(program: string, account: SshAccount, source: string, target: string): string[] {
  const { user, host, port, identityFile, knownHostsFile } = account;
  const remote = `:sftp,host=${host},port=${port},user=${user},key_file="${identityFile}",known_hosts_file="${knownHostsFile}",shell_type=none:${source}`;
  return [program, '--config', join(target, '..', 'rclone.conf'), 'sync', '--immutable', remote, target];
}
