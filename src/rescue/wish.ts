/**
 * What an operator may ask restic in the box, as data. What protects is the box: no network, and nothing to write to but a
 * target. The lists here are courtesy: they say beforehand, and why, what could not work in there.
 */
import { UsageError } from '../errors.ts';

/** A call of restic that the box can do. */
export interface Wish {
  /** The command and its options, without the target. */
  readonly args: readonly string[];
  /** The folder that `restore` writes to, as it was typed; undefined for everything else. */
  readonly target: string | undefined;
}

/** All of them only read. Of `key` it is `key list` alone. */
const allowed = [
  'cat',
  'check',
  'diff',
  'dump',
  'find',
  'help',
  'key list',
  'list',
  'ls',
  'restore',
  'snapshots',
  'stats',
  'version',
];

const writes = 'it writes into the repository, and a replica grows by sync alone';
const removes = 'it removes from the repository; on serverA it is yours to type, behind prune-window open here';

/** Why a command of restic is not for the box. */
const refused: Readonly<Record<string, string>> = {
  backup: writes,
  copy: 'it writes into another repository, which the box does not have',
  init: 'it makes a repository, and the box has none but the replica',
  recover: writes,
  rewrite: writes,
  tag: writes,
  migrate: `${writes}; on serverA it is yours to type, and init --repin here behind it`,
  repair: `${writes}; mend serverA, a damaged file of the replica comes again by scrub --repair`,
  'rebuild-index': `${writes}; mend serverA, a damaged file of the replica comes again by scrub --repair`,
  forget: removes,
  prune: removes,
  unlock: 'it removes locks, and the replica has none: in the box restic takes none either',
  mount:
    'it needs the FUSE of this machine, which does not fit into a box: `ls` and `find` look, `dump` gives one file, `restore` all',
  cache: 'the box has no cache',
  'self-update': 'it needs the network, which the box does not have',
  generate: 'it writes files that are not of the repository',
};

/** The options that the box gives itself: each with its word why, by the name of the option. */
const ours: readonly (readonly [option: RegExp, why: string])[] = [
  [/^--(?:repo|repository-file)(?:=|$)|^-[vqlhc]*r/, 'the repository is the replica'],
  [
    /^--(?:password-(?:file|command)|insecure-no-password|key-hint)(?:=|$)|^-[vqlhc]*p/,
    'the password is that of the configuration, or asked for',
  ],
  [
    /^--(?:no-lock|no-cache|cache-dir|cleanup-cache|retry-lock)(?:=|$)/,
    'in the box restic takes no lock and has no cache',
  ],
  [
    /^--(?:option|cacert|tls-client-cert|insecure-tls|limit-(?:up|down)load|http-user-agent)(?:=|$)|^-[vqlhc]*o/,
    'the box has no network',
  ],
  [/^--from-/, 'the box has no other repository'],
  [/^--i?(?:in|ex)clude-file(?:=|$)/, 'the box does not have that file: give each pattern by --include or --exclude'],
  [
    /^--ownership-by-name(?:=|$)/,
    'the box does not know the users of this machine: owners are restored by their numbers',
  ],
  [/^-[vqlhc]+t/, 'the target stands by itself: --target FOLDER'], // of two, restic takes the last
];

/** The options that name a target. */
const target = /^(?:--target=([^]*)|-t=?([^]+)|--target|-t)$/;

/** What the words behind `--` ask for. Throws UsageError, before anything has started, for what the box does not do. */
export function wishOf(words: readonly string[]): Wish {
  const [command = '', ...rest] = words;
  requireAllowed(command, rest[0]);
  const end = rest.includes('--') ? rest.indexOf('--') : rest.length;
  for (const word of rest.slice(0, end)) requireOthers(word);
  return withTarget(command, rest, end);
}

function requireAllowed(command: string, second: string | undefined): void {
  if (command.startsWith('-'))
    throw refusal(
      `${command} stands before a command of restic`,
      `a command comes first, then its options: ${allowed.join(', ')}`,
    );
  if (command === 'key' && second === 'list') return;
  if (command === 'key')
    throw refusal(`restic ${[command, second].join(' ').trim()} is not for the box`, `${writes}; key list is`);
  if (allowed.includes(command)) return;
  const why = Object.hasOwn(refused, command) ? refused[command] : undefined;
  if (why !== undefined)
    throw refusal(`restic ${command} is not for the box: ${why}`, `the box does: ${allowed.join(', ')}`);
  throw refusal(`"${command}" is no command that the box knows`, `the box does: ${allowed.join(', ')}`);
}

function requireOthers(word: string): void {
  const [, why] = ours.find(([option]) => option.test(word)) ?? [];
  if (why !== undefined) throw refusal(`${word} is not for the box: ${why}`, 'leave it out');
}

function withTarget(command: string, rest: readonly string[], end: number): Wish {
  const args: string[] = [command];
  const targets: (string | undefined)[] = [];
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] ?? '';
    const named = at < end ? target.exec(word) : null;
    if (named === null) args.push(word);
    else targets.push(named[1] ?? named[2] ?? rest[++at]);
  }
  return { args, target: targetOf(command, targets, rest.slice(0, end)) };
}

function targetOf(
  command: string,
  targets: readonly (string | undefined)[],
  options: readonly string[],
): string | undefined {
  if (command !== 'restore') {
    if (targets.length > 0)
      throw refusal(
        `restic ${command} writes no files in the box`,
        'what it prints comes to stdout: rsync-ratchet restic … > FILE',
      );
    return undefined;
  }
  const [only, ...more] = targets;
  if (targets.length === 0 && options.some((word) => word === '--help' || word === '-h')) return undefined;
  if (only === undefined || only === '' || more.length > 0)
    throw refusal(
      targets.length > 1 ? 'restore has one target' : 'restore needs a target',
      'say --target FOLDER: a folder outside the replica and the state folder, the only place that is written to',
    );
  return only;
}

function refusal(message: string, hint: string): UsageError {
  return new UsageError(message, `${hint}. Nothing was started`);
}
