/** For whom the nights will run, and where his things lie. */
import { chownSync, mkdirSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { defaultState, xdgFolder } from '../config/file.ts';
import { isPrintable } from '../config/units.ts';
import { UsageError } from '../errors.ts';
import { asUserApart } from '../programs/as-user.ts';
import { briefly } from '../programs/briefly.ts';
import { replaceFile } from '../state/files.ts';

/** The user, and his places. */
export interface Place {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  /** Whether root sets up for him; else he does so himself. */
  readonly byRoot: boolean;
  readonly config: string;
  /** Whether it is where a night finds it that is started with an empty environment. */
  readonly isUsualConfig: boolean;
  /** The folder of the configuration, where key, host key and password lie as well. */
  readonly folder: string;
  /** What `state` is to say; undefined where the user's own default is right. */
  readonly state: string | undefined;
  /** Where his own systemd looks for units, and the system's for what is added to its own. */
  readonly units: string;
  /** Where replicas are proposed. */
  readonly replicas: string;
}

const patience = 10_000;

/** Root sets up for the user ratchet, everybody else for himself. `option`: where --config wants the configuration. */
export async function placeOf(option: string | undefined, env: NodeJS.ProcessEnv): Promise<Place> {
  const named = [option, env['RSYNC_RATCHET_CONFIG']].find((path) => path !== undefined && path !== '');
  if (named !== undefined && !isPrintable(named))
    throw new UsageError('--config has control characters in it', 'give it another name. Nothing was done');
  const config = named === undefined ? undefined : resolve(named);
  return process.getuid?.() === 0 ? ratchetsPlace(config) : ownPlace(config, env);
}

async function ratchetsPlace(config: string | undefined): Promise<Place> {
  const [name, , uid, gid] = (await briefly('getent', ['passwd', 'ratchet'], patience)).stdout.split(':');
  if (uid === undefined)
    throw new UsageError(
      'there is no user ratchet, who is to own the replica',
      'the Debian package makes him; else: useradd --system --user-group --home-dir /var/lib/rsync-ratchet --shell /usr/sbin/nologin ratchet. Nothing was done',
    );
  const usual = '/etc/rsync-ratchet/config.yaml';
  const file = config ?? usual;
  return {
    ...{ user: name ?? 'ratchet', uid: Number(uid), gid: Number(gid), byRoot: true },
    ...{ config: file, isUsualConfig: file === usual, folder: dirname(file), state: '/var/lib/rsync-ratchet' },
    ...{ units: '/etc/systemd/system', replicas: '/srv/replica' },
  };
}

function ownPlace(config: string | undefined, env: NodeJS.ProcessEnv): Place {
  const { username, uid, gid, homedir } = userInfo();
  const folder = xdgFolder(env, 'XDG_CONFIG_HOME', '.config');
  const file = config ?? join(folder, 'rsync-ratchet/config.yaml');
  const usual = join(homedir, '.config/rsync-ratchet/config.yaml');
  return {
    ...{ user: username, uid, gid, byRoot: false },
    ...{ config: file, isUsualConfig: file === usual, folder: dirname(file) },
    state: env['XDG_STATE_HOME'] === undefined ? undefined : defaultState(env),
    ...{ units: join(folder, 'systemd/user'), replicas: join(env['HOME'] ?? homedir, 'replica') },
  };
}

/** The same, for what is to belong to who types. */
export const mine = (place: Place): Place => ({ ...place, byRoot: false });

/** A command that is to be his, whoever types. */
export function asHim({ user, uid, gid }: Place, command: readonly string[]): [file: string, ...args: string[]] {
  const [file = '', ...args] = [...asUserApart({ name: user, uid, gid }), ...command];
  return [file, ...args];
}

/** Makes a folder his, with those above it, where it is not there. */
export function makeHis(place: Place, folder: string, mode: number): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return;
  makeHis(mine(place), dirname(folder), 0o755);
  mkdirSync(folder, { mode });
  if (place.byRoot) chownSync(folder, place.uid, place.gid);
}

/** Puts a whole file in its place, his, in one moment; one that is there keeps its owner and mode. */
export function putHis(place: Place, path: string, content: string, mode: number): void {
  const old = statSync(path, { throwIfNoEntry: false });
  replaceFile(path, content, (old?.mode ?? mode) & 0o777, place.byRoot ? (old ?? place) : undefined);
}
