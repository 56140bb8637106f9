/** A configuration file for the built program, with everything below one folder. */
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Mail, parseMail } from './mail.ts';
import type { SshAccount } from './sshd.ts';

/** A value that YAML can hold; undefined takes a key away. */
export type Value = string | number | boolean | null | undefined | readonly Value[] | { readonly [key: string]: Value };

/** What was written, and where things are. */
export interface WrittenConfig {
  readonly file: string;
  readonly state: string;
  readonly replica: string;
  readonly mailFolder: string;
  /** The mails sent so far, oldest first. */
  mails(): Mail[];
}

/**
 * Writes `folder/config.yaml` (0600; JSON, which is YAML) with one repository `nightly`: its source an account of a
 * test sshd (below rrsync's folder) or a local path, its replica `folder/replica`; state `folder/state`; mails as files
 * in `folder/mail`. `changes` is merged over it, key by key; undefined takes a key away.
 */
export function writeConfig(
  folder: string,
  source: SshAccount | string,
  changes: Readonly<Record<string, Value>> = {},
): WrittenConfig {
  const [file, state, replica, mailFolder] = ['config.yaml', 'state', 'replica', 'mail'].map((name) => join(folder, name));
  if (!file || !state || !replica || !mailFolder) throw new Error('unreachable');
  mkdirSync(mailFolder, { recursive: true, mode: 0o700 });
  const config = merge(
    {
      state,
      // Spot checks are a fetch of their own; what wants them says so.
      repositories: { nightly: { replica, spotCheck: 0, ...sourceOf(source) } },
      alerts: { email: { from: 'ratchet@serverb.test', to: ['ops@example.test'], directory: mailFolder } },
    },
    changes,
  );
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return { file, state, replica, mailFolder, mails: () => mailsIn(mailFolder) };
}

function sourceOf(source: SshAccount | string): Record<string, Value> {
  if (typeof source === 'string') return { source };
  const { user, host, port, identityFile, knownHostsFile } = source;
  return { source: `${user}@${host}:/`, ssh: { port, identityFile, knownHostsFile } };
}

function merge(base: Value, changes: Value): Value {
  if (!isTable(base) || !isTable(changes)) return changes;
  const merged: Record<string, Value> = { ...base };
  for (const [key, value] of Object.entries(changes)) merged[key] = merge(base[key], value);
  return merged;
}

function isTable(value: Value): value is Readonly<Record<string, Value>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The `.eml` files of a folder, oldest first. */
export function mailsIn(folder: string): Mail[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.eml')).map((name) => join(folder, name));
  const aged = files.map((file) => ({ file, age: statSync(file, { bigint: true }).mtimeNs }));
  aged.sort((a, b) => Number(a.age - b.age) || (a.file < b.file ? -1 : 1));
  return aged.map(({ file }) => parseMail(readFileSync(file, 'utf8')));
}
