/** serverA's host key: fetched, shown, and believed once somebody has compared it. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { Failure, UsageError } from '../errors.ts';
import { briefly } from '../programs/briefly.ts';
import { ifThere } from '../state/files.ts';
import type { Talk } from './talk.ts';
import { asHim, putHis, type Place } from './place.ts';

/** Where sshd listens on serverA. */
interface Door {
  readonly host: string;
  readonly port: number;
}

interface HostKey {
  readonly line: string;
  readonly type: string;
  readonly fingerprint: string;
}

/** Nothing answered as an sshd does: perhaps another name or port was meant. */
export class Unreachable extends Failure {}

const patience = 30_000;

/** The lines of known_hosts as ssh-keyscan and ssh-keygen print them; whatever else stands there is passed over. */
function hostKeys(text: string): HostKey[] {
  return [
    ...text.matchAll(
      /^[\w.:[\],|+/=@%-]+ (ssh-ed25519|ecdsa-sha2-nistp\d{3}|ssh-rsa) ([A-Za-z0-9+/]{40,2000}={0,2})$/gm,
    ),
  ].map(([line, type = '', key = '']) => ({
    line,
    type,
    fingerprint: `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`,
  }));
}

/**
 * Sees to it that the file of host keys has serverA's, and returns its path. `expected`: the fingerprint of --host-key, which must
 * be that of a key that is there. Throws UsageError where it is another, or where nobody can compare.
 */
export async function believeHost(talk: Talk, place: Place, door: Door, expected: string | undefined): Promise<string> {
  const file = join(place.folder, 'known_hosts');
  const name = door.port === 22 ? door.host : `[${door.host}]:${door.port}`;
  const known = hostKeys(
    (await briefly(...called(asHim(place, ['ssh-keygen', '-F', name, '-f', file])), patience)).stdout,
  );
  if (known.length > 0) {
    if (expected !== undefined && !known.some(({ fingerprint }) => fingerprint === expected))
      throw other(expected, known, file);
    talk.already(`${name} is in ${file}: ${known.map(({ fingerprint }) => fingerprint).join(', ')}`);
    return file;
  }
  talk.step(`fetching the host key of ${name}`);
  const key = await offeredKey(door, expected);
  if (expected === undefined) await compared(talk, name, key);
  putHis(place, file, `${ifThere(() => readFileSync(file, 'utf8')) ?? ''}${key.line}\n`, 0o644);
  talk.done(`${file}: ${key.type} ${key.fingerprint}`);
  return file;
}

export function called([file, ...args]: readonly string[]): [string, string[]] {
  return [file ?? '', args];
}

async function offeredKey({ host, port }: Door, expected: string | undefined): Promise<HostKey> {
  const { stdout, stderr } = await briefly(
    'ssh-keyscan',
    ['-T', '10', '-p', String(port), '-t', 'ed25519,ecdsa,rsa', '--', host],
    patience,
  );
  const keys = hostKeys(stdout);
  const key =
    keys.find(({ fingerprint, type }) =>
      expected === undefined ? type === 'ssh-ed25519' : fingerprint === expected,
    ) ?? keys[0];
  if (key === undefined)
    throw new Unreachable(
      `no host key came from ${host}, port ${port}: ${stderr.trim() || 'nothing answered as an sshd does'}`,
      `is it the right name and port, and does a firewall let this machine through? ssh-keyscan -p ${port} ${host}`,
    );
  if (expected !== undefined && key.fingerprint !== expected) throw other(expected, keys, `${host}, port ${port}`);
  return key;
}

function other(expected: string, keys: readonly HostKey[], where: string): UsageError {
  return new UsageError(
    `--host-key ${expected} is none of ${where}: ${keys.map(({ type, fingerprint }) => `${type} ${fingerprint}`).join(', ')}`,
    'is it the right machine? On serverA: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. Nothing was believed',
  );
}

async function compared(talk: Talk, name: string, { type, fingerprint }: HostKey): Promise<void> {
  const command = `ssh-keygen -lf /etc/ssh/ssh_host_${type === 'ssh-rsa' ? 'rsa' : type === 'ssh-ed25519' ? 'ed25519' : 'ecdsa'}_key.pub`;
  talk.say(`  ${name} shows   ${type} ${fingerprint}`);
  talk.say(`  on serverA, type   ${command}`);
  if (!talk.questions.isAsking)
    throw new UsageError(
      `--host-key is needed where nobody can compare: ${name} shows ${fingerprint}`,
      `on serverA: ${command}; then give what it says as --host-key. Nothing was believed`,
    );
  if (await talk.questions.agrees('Do they agree?', false)) return;
  throw new Failure(
    `the host key of ${name} is not serverA's, or was not compared`,
    'somebody may stand between, or the name leads to another machine. Nothing was believed; start setup again when it is clear',
  );
}
