/** The keys of one repository: where it is, how it is reached, what may come and go. */
import * as v from 'valibot';
import { aSource, parseSource } from './source.ts';
import type { Source } from './types.ts';
import { day } from './units.ts';
import {
  clock,
  commandLine,
  freshness,
  grace,
  ignored,
  list,
  matching,
  minFree,
  oneOf,
  parsed,
  path,
  program,
  secretFile,
  size,
  sshOption,
  time,
  whole,
  zone,
  type Resolve,
} from './values.ts';

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const weekly = { every: 7 * day, readDataSubset: 30 };
const monthly = { every: 30 * day, files: 25, bytes: 200_000_000 } as const;
const week = 7 * day;

/** What a repository may be called; a rule of config/rules.ts as well, which can say more than a pattern. */
export const namePattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$';

/** A key's schema with what the key is for. */
export const key = <const S extends v.GenericSchema>(schema: S, description: string) =>
  v.pipe(schema, v.description(description));
const pruneWindow = v.strictObject({
  days: key(
    v.pipe(
      list(oneOf(...weekdays), 'days (mon, tue, wed, thu, fri, sat, sun)'),
      v.minLength(1, 'must name at least one day of mon, tue, wed, thu, fri, sat, sun'),
    ),
    'The days on which the window opens.',
  ),
  from: key(clock, 'When it opens, such as "01:00".'),
  to: key(clock, 'When it closes; before `from` it is on the next day.'),
  timezone: key(zone, 'The time zone of `from` and `to`, such as Europe/Berlin.'),
  maxDeletions: key(whole(0), 'The budget: how many deletions it lets through, over all runs in it.'),
});

function ssh(resolve: Resolve) {
  return v.strictObject({
    port: key(
      v.exactOptional(whole(1, 65535)),
      'The port of sshd on serverA; without it what ssh_config says of the host, else 22.',
    ),
    identityFile: key(v.exactOptional(path(resolve)), 'The private key; without it ssh uses its own defaults.'),
    knownHostsFile: key(
      v.exactOptional(path(resolve)),
      "The file that has serverA's host key; without it ssh uses its own defaults.",
    ),
    options: key(
      v.optional(list(sshOption, 'ssh options'), []),
      'More ssh options, as behind -o, such as ServerAliveInterval=30.',
    ),
  });
}

function rsync(resolve: Resolve) {
  return v.strictObject({
    path: key(v.optional(program(resolve), 'rsync'), 'The program here.'),
    remotePath: key(
      v.optional(
        matching(
          "must be serverA's rsync: its name or path, not beginning with '-'",
          (input) => !input.startsWith('-'),
        ),
        'rsync',
      ),
      'The program on serverA.',
    ),
    bandwidthLimit: key(v.exactOptional(size(1000)), 'At most this much is fetched per second, such as 20MB.'),
    sandbox: key(
      v.optional(oneOf('auto', 'require', 'off'), 'auto'),
      'Whether rsync runs inside bubblewrap: auto (where it works), require, or off.',
    ),
  });
}

/** When and how much is restored to try it. */
const drill = v.strictObject({
  every: key(
    v.optional(v.union([v.literal('off'), time()], 'must be a time with its unit, such as 30d, or off'), '30d'),
    'How often to restore some files to try it, or off.',
  ),
  files: key(v.optional(whole(1, 1000), 25), 'At most so many files.'),
  bytes: key(
    v.optional(v.pipe(size(1), v.maxValue(2 ** 30, 'must be at most 1GiB: it lies in memory')), '200MB'),
    'At most so many bytes, which lie in memory.',
  ),
});

function restic(resolve: Resolve) {
  const check = v.strictObject({
    every: key(v.optional(time(), '7d'), 'How often to check.'),
    readDataSubset: key(
      v.optional(whole(1, 1000), 30),
      'In how many parts all data is read; each check reads the next one.',
    ),
  });
  const said = v.strictObject({
    path: key(v.optional(program(resolve), 'restic'), 'The program here.'),
    passwordFile: key(
      v.exactOptional(secretFile(resolve)),
      "A file with the repository's password, closed to others, or credential:NAME. With it restic proves and checks what comes in.",
    ),
    passwordCommand: key(
      v.exactOptional(commandLine(resolve)),
      'In place of passwordFile a program that prints the password: started once a run, as the user of the nights, for at most a minute.',
    ),
    prove: key(
      v.optional(v.union([v.boolean(), v.literal('unisolated')], 'must be true, false or unisolated'), true),
      'Whether restic opens the repository before anything is admitted: true, false, or unisolated (without a sandbox).',
    ),
    memory: key(
      v.optional(size(2 ** 28), '4GiB'),
      'What restic tries to stay below, at least 256MiB: it tidies up more often as it comes near, and a quarter above it ends.',
    ),
    drill: key(v.exactOptional(drill), 'When files of the replica are restored to try it; needs the password.'),
    check: key(v.exactOptional(check), 'When restic checks the replica; needs the password.'),
  });
  // Without a password restic can check nothing, and restore nothing.
  const settled = v.transform(({ check: wanted, drill: tried, ...rest }: v.InferOutput<typeof said>) => {
    const hasPassword = rest.passwordFile !== undefined || rest.passwordCommand !== undefined;
    return hasPassword
      ? { ...rest, hasPassword, check: wanted ?? weekly, drill: tried ?? monthly }
      : { ...rest, hasPassword };
  });
  return v.pipe(said, settled);
}

/** What a file may say of ssh, rsync and restic. */
function programs(resolve: Resolve) {
  return {
    ssh: key(v.optional(ssh(resolve), {}), 'How ssh reaches serverA.'),
    rsync: key(v.optional(rsync(resolve), {}), 'How rsync runs.'),
    restic: key(v.optional(restic(resolve), {}), 'What restic proves and checks.'),
  };
}
const timeouts = v.strictObject({
  connect: key(v.optional(time(week), '30s'), 'To log in.'),
  stall: key(v.optional(time(week), '10m'), 'Without any progress.'),
  run: key(v.optional(time(week), '12h'), 'For the audit and the fetch of a night.'),
  prove: key(
    v.optional(time(week), '6h'),
    'For what restic proves of one night; once more for what it is asked before files expire.',
  ),
  check: key(v.optional(time(week), '6h'), "For restic's check of the replica."),
});
const limits = v.strictObject({
  newFiles: key(
    v.optional(whole(0), 200000),
    'More new files than this in one night is an alarm: what may never delete can be filled up.',
  ),
  newBytes: key(v.optional(size(), '500GB'), 'More new bytes than this in one night is an alarm.'),
  minFree: key(v.optional(minFree, '5%'), 'What must stay free on the disk: a percentage or a size.'),
  suspects: key(v.optional(whole(0), 100), 'How many files of which only the time changed are fetched and compared.'),
});
/** Every key below a name in `repositories`. */
export function repository(resolve: Resolve) {
  const aReplica = 'must be the folder of the copy on this machine, such as /srv/replica/nightly';
  const source = parsed<Source>(aSource, parseSource, {
    pattern: '^(?:/|sftp://|[^/]+:)',
    description:
      "Where restic's repository is: user@host:path, seen from rrsync's folder on serverA; sftp://user@host/path, a read-only sshfs mount; or an absolute path on this machine.",
  });
  const replica = path(resolve, aReplica, {
    description: 'The folder of the copy on this machine, which can only grow; "rsync-ratchet init" makes it.',
  });
  return v.strictObject({
    source,
    replica: v.pipe(
      replica,
      v.check((folder) => folder !== '/', `must not be the whole file system: ${aReplica}`),
    ),
    ...programs(resolve),
    timeouts: key(v.optional(timeouts, {}), 'How long things may take, each at most 7d.'),
    deletionGrace: key(
      v.optional(grace, '30d'),
      'How long a file stays here after its deletion was accepted: a time, 0 (the same run), or forever.',
    ),
    pruneWindows: key(
      v.optional(list(pruneWindow, 'windows, each with days, from, to, timezone, maxDeletions'), []),
      'When deletions are expected, every week. Outside of such a window a deletion is an alarm.',
    ),
    limits: key(v.optional(limits, {}), 'What one night may bring, and what the disk must keep free.'),
    spotCheck: key(v.optional(whole(0), 5), 'How many old files are fetched at random each night and compared.'),
    freshness: key(
      v.exactOptional(freshness),
      'For this one in place of alerts.freshness: warn when no new snapshot has come for this long.',
    ),
    ignore: key(
      v.optional(list(ignored, 'names'), []),
      'Names of files or folders on serverA that are known not to belong to restic, literal or with one * at the beginning or the end, such as .DS_Store, ._* or *.bak.',
    ),
  });
}
