import type { Source } from './types.ts';
import { resolvePath, type Parsed } from './units.ts';

export const aSource = 'must be user@host:path, sftp://user@host/path or an absolute path on this machine';

const noPassword = `a password has no place here, log in with a key (ssh.identityFile): ${aSource}`;

/**
 * Reads `source`. Nothing in it may be taken for an option or for a wildcard by ssh, rsync or a shell behind them.
 * An ssh path is as written, and `.` (the account's home) when there is none.
 */
export function parseSource(text: string): Parsed<Source> {
  if (text.startsWith('/')) return { value: { kind: 'local', path: resolvePath('/', text) } };
  if (text.startsWith('sftp://')) return parseSftp(text);
  return refuse(text) ?? parseSsh(text);
}

/** What is not ours to read, with the reason. */
function refuse(text: string): { wrong: string } | undefined {
  if (/^rsync:\/\//i.test(text) || /^(?:\[[^\]]*\]|[^/:[]*)::/.test(text)) {
    return { wrong: `an rsync daemon is neither encrypted nor authenticated as ssh is: ${aSource}` };
  }
  if (/^sftp:[^/]*:/.test(text)) return { wrong: `restic's form of an sftp address is not understood: ${aSource}` };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { wrong: `this kind of address is not understood: ${aSource}` };
  return undefined;
}

function parseSsh(text: string): Parsed<Source> {
  const [, user, host, path] = /^(?:([^/:]*)@)?(\[[^\]]*\]|[^/:@]*):(.*)$/.exec(text) ?? [];
  if (host === undefined || path === undefined) return { wrong: aSource };
  if (user === undefined && /^[^/]*@[^/]*:/.test(path)) return { wrong: noPassword };
  if (path.startsWith('-')) return { wrong: "the path must not begin with '-'; put ./ before it" };
  if (/[*?[\\]/.test(path)) return { wrong: 'the path must be of one folder, without the wildcards * ? [ \\' };
  const account = parseAccount(user, host);
  return 'wrong' in account ? account : { value: { kind: 'ssh', ...account.value, path: path === '' ? '.' : path } };
}

function parseSftp(text: string): Parsed<Source> {
  const pattern = /^sftp:\/\/(?:([^/]*)@)?(\[[^\]/]*\]|[^/:@]*)(?::([^/]*))?(\/.*)?$/;
  const [, user, host = '', portText, path = '.'] = pattern.exec(text) ?? [];
  const account = parseAccount(user, host);
  if ('wrong' in account) return account;
  if (portText === undefined) return { value: { kind: 'sftp', ...account.value, path } };
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) return { wrong: 'the port must be a number from 1 to 65535' };
  return { value: { kind: 'sftp', ...account.value, port, path } };
}

/** User and host; the host comes out without brackets. */
function parseAccount(user: string | undefined, written: string): Parsed<{ user?: string; host: string }> {
  if (user?.includes(':')) return { wrong: noPassword };
  if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*\$?$/.test(user)) {
    return { wrong: 'the user before @ must be an account name of letters, digits and . _ + -, not beginning with -' };
  }
  const host = /^\[(.*)\]$/.exec(written)?.[1] ?? written;
  if (!isHost(host, host !== written)) {
    return {
      wrong: 'the host must be a name of letters, digits and . _ -, not beginning with -, or an [IPv6 address]',
    };
  }
  return { value: user === undefined ? { host } : { user, host } };
}

/** A name or an IPv4 address; in brackets an IPv6 address, perhaps with its zone. */
function isHost(host: string, bracketed: boolean): boolean {
  if (bracketed) return /^(?=[^%]*:[^%]*:)[0-9A-Fa-f:.]+(?:%[A-Za-z0-9][A-Za-z0-9._-]*)?$/.test(host);
  return /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(host);
}

/** What SMTP takes as the name of a client: a host name, or an address in brackets (RFC 5321, 4.1.1.1). */
export function isGreeting(name: string): boolean {
  return (
    (isHost(name, false) && !name.includes('_')) || /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]$/.test(name)
  );
}

/** The host of a mail server: as in a source, an IPv6 address without brackets. */
export function isMailHost(host: string): boolean {
  return isHost(host, false) || isHost(host, true);
}
