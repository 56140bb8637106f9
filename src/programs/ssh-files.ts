/** The two files of `ssh:` as ssh must find them: looked at, not tried. */
import { constants, existsSync, readFileSync, statSync } from 'node:fs';
import type { Repository } from '../config/config.ts';
import { userName } from '../state/become.ts';
import { isFileFor } from '../state/files.ts';

/** Why ssh cannot use a private key; undefined when nothing is wrong with it. A fault names the file. */
export function identityFault(file: string): string | undefined {
  if (!isFileFor(file, constants.R_OK)) return closed(file);
  const { mode, uid } = statSync(file);
  if (/^(ssh|ecdsa|sk)-\S+ /.test(readFileSync(file, 'latin1')))
    return `${file} is a public key: must be the private one, usually the same name without .pub`;
  return uid === process.geteuid?.() && (mode & 0o077) !== 0
    ? `${file} is open to others, and ssh refuses such a key: must be closed (chmod 600 ${file})`
    : undefined;
}

/** The same of a file with host keys; /dev/null is one without any. */
export function knownHostsFault(file: string): string | undefined {
  return file === '/dev/null' || isFileFor(file, constants.R_OK) ? undefined : closed(file);
}

/** Of a login that failed, what a look at both files explains: the first fault, with its key; undefined where neither has one. */
export function loginFault({ identityFile, knownHostsFile }: Repository['ssh']): string | undefined {
  const faults = {
    identityFile: identityFile === undefined ? undefined : (identityFault(identityFile) ?? passphraseOf(identityFile)),
    knownHostsFile: knownHostsFile === undefined ? undefined : knownHostsFault(knownHostsFile),
  };
  const [key, fault] = Object.entries(faults).find(([, one]) => one !== undefined) ?? [];
  return fault === undefined ? undefined : `ssh.${key}: ${fault}`;
}

/** Only of a login that failed: where ssh_config names an agent, such a key may work. */
function passphraseOf(file: string): string | undefined {
  return isEncrypted(readFileSync(file, 'latin1'))
    ? `${file} has a passphrase, which nobody types at night: must have none (ssh-keygen -p -f ${file})`
    : undefined;
}

function closed(file: string): string {
  return existsSync(file)
    ? `${file} may not be read by ${userName()}, or is no file: must be (chown ${userName()}: ${file})`
    : `${file} is not there, or ${userName()} may not look into its folder`;
}

/** An open key of OpenSSH's own form begins with its name and the cipher "none" (PROTOCOL.key); the older forms say ENCRYPTED. */
function isEncrypted(key: string): boolean {
  const body = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+(\S{28})/.exec(key)?.[1];
  return body === undefined ? /^(?:-----BEGIN|Proc-Type:).*ENCRYPTED/m.test(key) : body !== openKey;
}

const openKey = Buffer.from('openssh-key-v1\0\0\0\0\u0004none').toString('base64').slice(0, 28);
