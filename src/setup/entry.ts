/** A repository in the configuration: found there, or added without touching what is there. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readConfig } from '../config/config.ts';
import { extended, linesOf, type Addition } from '../config/extended.ts';
import { loadConfig } from '../config/file.ts';
import { parseSource } from '../config/source.ts';
import { Failure, UsageError } from '../errors.ts';
import { fullHostName } from '../programs/host-name.ts';
import { pathOf } from '../replica-path.ts';
import { ifThere } from '../state/files.ts';
import { putHis, type Place } from './place.ts';
import type { Talk } from './talk.ts';
import type { Wishes } from './wishes.ts';

/** A repository as it stands, or will stand, in the configuration. */
export interface Entry {
  readonly source: string;
  readonly replica: string;
  readonly ssh?: { readonly port?: number; readonly identityFile: string; readonly knownHostsFile: string };
  readonly restic?: { readonly passwordFile: string };
}

/** One that stands there already. */
export interface Standing extends Pick<Entry, 'replica'> {
  readonly passwordFile: string | undefined;
  readonly isTold: boolean;
}

/** The names that are taken. Throws ConfigError for a configuration that is wrong: nothing is added to such a one. */
export function namesIn(place: Place): string[] {
  return textOf(place) === undefined ? [] : configOf(place).repositories.map(({ name }) => name);
}

/** The repository of that name; undefined when there is none. Throws UsageError where an option wants it otherwise. */
export function findEntry(place: Place, name: string, wishes: Wishes): Standing | undefined {
  if (textOf(place) === undefined) return undefined;
  const { repositories, alerts } = configOf(place);
  const found = repositories.find((one) => one.name === name);
  if (found === undefined) return undefined;
  const wished = wishes.source === undefined ? undefined : parseSource(wishes.source);
  const differs = [
    ...(wished !== undefined && 'value' in wished && JSON.stringify(wished.value) !== JSON.stringify(found.source)
      ? ['--source']
      : []),
    ...(wishes.replica !== undefined && wishes.replica !== pathOf(found.replica) ? ['--replica'] : []),
    ...(wishes.passwordFile !== undefined && resolve(wishes.passwordFile) !== found.restic.passwordFile
      ? ['--password-file']
      : []),
  ];
  if (differs.length > 0)
    throw new UsageError(
      `${name} is in ${place.config} already, and ${differs.join(' and ')} would have it otherwise`,
      'change it there by hand, or take another name. Nothing was changed',
    );
  return {
    replica: pathOf(found.replica),
    passwordFile: found.restic.passwordFile,
    isTold: alerts.email !== undefined || alerts.command !== undefined,
  };
}

/** Whether mail is configured. */
export function hasMail(place: Place): boolean {
  return textOf(place) !== undefined && configOf(place).alerts.email !== undefined;
}

/** Adds it, and mail where somebody is to be told. Throws Failure where nothing can be added by lines. */
export function writeEntry(talk: Talk, place: Place, name: string, entry: Entry, mailTo: string | undefined): void {
  const additions: Addition[] = [
    { into: 'repositories', key: name, value: entry },
    ...(mailTo === undefined ? [] : [{ into: 'alerts', key: 'email', value: mailOf(mailTo) }]),
  ];
  const text = extended(textOf(place) ?? beginning(place), additions);
  if (typeof text !== 'string')
    throw new Failure(
      `${place.config}: ${text.closed} is not written line by line, so nothing was added to it`,
      `add this by hand, then start setup again:\n${additions.map(linesOf).join('')}`,
    );
  const checked = readConfig(text, dirname(place.config));
  if ('problems' in checked)
    throw new Failure(
      `${place.config} would not be valid: ${checked.problems.map(({ message }) => message).join('; ')}`,
      'nothing was written',
    );
  talk.step(`adding to ${place.config}:`);
  for (const line of additions.map(linesOf).join('').trimEnd().split('\n')) talk.say(`      ${line}`);
  putHis(place, place.config, text, 0o640);
  talk.done(`${place.config} is written; what was there is as it was`);
}

const textOf = ({ config }: Place): string | undefined => ifThere(() => readFileSync(config, 'utf8'));
const configOf = ({ config }: Place) => loadConfig(config, { secrets: 'without secrets' });

function beginning({ state }: Place): string {
  const sentence =
    '# Made by rsync-ratchet setup. All keys, with what they are for: rsync-ratchet config generate, or rsync-ratchet.yaml(5)\n';
  return state === undefined ? sentence : `${sentence}state: ${state}\n`;
}

function mailOf(to: string): unknown {
  return {
    from: `ratchet@${fullHostName() ?? 'localhost'}`,
    to: to.split(',').map((one) => one.trim()),
    smtp: { host: 'localhost' },
  };
}
