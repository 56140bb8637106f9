/** Every key of a configuration: what it takes, its default, and what it is for, as editors and the manual page show it. */
import * as v from 'valibot';
import { aSource, isGreeting, isMailHost, parseSource } from './source.ts';
import type { Email, Source, Transport } from './types.ts';
import { day } from './units.ts';
import {
  address,
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
  size,
  sshOption,
  text,
  time,
  whole,
  zone,
  type Resolve,
} from './values.ts';

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const weekly = { every: 7 * day, readDataSubset: 30 };
const localSmtp = { host: 'localhost', port: 25, tls: 'opportunistic' } as const;
const week = 7 * day;

/** The ways to send a mail, of which there is exactly one; that is a rule of config-rules.ts. */
export const ways = ['smtp', 'sendmail', 'directory'];

/** What a repository may be called; a rule of config-rules.ts as well, which can say more than a pattern. */
export const namePattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$';

/** A key's schema with what the key is for. */
const key = <const S extends v.GenericSchema>(schema: S, description: string) =>
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

/** What a file may say of ssh, rsync and restic. */
function programs(resolve: Resolve) {
  const ssh = v.strictObject({
    port: key(
      v.exactOptional(whole(1, 65_535)),
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
  const rsync = v.strictObject({
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
  const check = v.strictObject({
    every: key(v.optional(time(), '7d'), 'How often to check.'),
    readDataSubset: key(
      v.optional(whole(1, 1000), 30),
      'In how many parts all data is read; each check reads the next one.',
    ),
  });
  const restic = v.strictObject({
    path: key(v.optional(program(resolve), 'restic'), 'The program here.'),
    passwordFile: key(
      v.exactOptional(path(resolve)),
      "A file with the repository's password, closed to others. With it restic proves and checks what comes in.",
    ),
    prove: key(
      v.optional(v.union([v.boolean(), v.literal('unisolated')], 'must be true, false or unisolated'), true),
      'Whether restic opens the repository before anything is admitted: true, false, or unisolated (without a sandbox).',
    ),
    memory: key(
      v.optional(size(2 ** 28), '4GiB'),
      'What restic tries to stay below, at least 256MiB: it tidies up more often as it comes near, and a quarter above it ends.',
    ),
    check: key(v.exactOptional(check), 'When restic checks the replica; needs the passwordFile.'),
  });
  // Without a password restic can check nothing.
  const settled = v.transform(({ check: wanted, ...rest }: v.InferOutput<typeof restic>) =>
    rest.passwordFile === undefined ? rest : { ...rest, passwordFile: rest.passwordFile, check: wanted ?? weekly },
  );
  return {
    ssh: key(v.optional(ssh, {}), 'How ssh reaches serverA.'),
    rsync: key(v.optional(rsync, {}), 'How rsync runs.'),
    restic: key(v.optional(v.pipe(restic, settled), {}), 'What restic proves and checks.'),
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
    v.optional(whole(0), 200_000),
    'More new files than this in one night is an alarm: what may never delete can be filled up.',
  ),
  newBytes: key(v.optional(size(), '500GB'), 'More new bytes than this in one night is an alarm.'),
  minFree: key(v.optional(minFree, '5%'), 'What must stay free on the disk: a percentage or a size.'),
  suspects: key(v.optional(whole(0), 100), 'How many files of which only the time changed are fetched and compared.'),
});

function repository(resolve: Resolve) {
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

function email(resolve: Resolve) {
  const smtp = v.strictObject({
    host: key(
      v.optional(matching("must be a mail server's name or address, such as localhost", isMailHost), localSmtp.host),
      'The mail server.',
    ),
    port: key(
      v.optional(whole(1, 65_535), localSmtp.port),
      'Its port; 465 means TLS from the start, as tls: implicit does on any.',
    ),
    tls: key(
      v.optional(oneOf('required', 'opportunistic', 'implicit', 'none'), localSmtp.tls),
      'Encryption: required (STARTTLS with a valid certificate), opportunistic (when the server offers it), implicit (TLS from the start, with a valid certificate), or none.',
    ),
    name: key(
      v.exactOptional(
        matching('must be a host name such as serverb.example.org, or an address in brackets', isGreeting),
      ),
      'The name with which the mail server is greeted (EHLO); without it the full name of this machine.',
    ),
    user: key(
      v.exactOptional(text('must be the user name for the mail server')),
      'The login, if the server wants one; together with passwordFile.',
    ),
    passwordFile: key(v.exactOptional(path(resolve)), 'A file with the password of the login, closed to others.'),
  });
  const fields = v.strictObject({
    from: key(address, 'The sender, such as ratchet@serverB.'),
    to: key(
      v.pipe(list(address, 'mail addresses'), v.minLength(1, 'must name at least one mail address')),
      'The recipients.',
    ),
    smtp: key(v.exactOptional(smtp), 'Send by SMTP; smtp: {} is a mail server on this machine.'),
    sendmail: key(
      v.exactOptional(commandLine(resolve)),
      'Send with a program on this machine: /usr/sbin/sendmail, or with arguments as a list [/usr/bin/msmtp, -a, work].',
    ),
    directory: key(v.exactOptional(path(resolve)), 'Write each mail as an .eml file into this folder.'),
    onSuccess: key(
      v.optional(oneOf('never', 'always', 'recovery'), 'never'),
      'Whether good nights are mailed too: never, always, or recovery (the first good one after a bad one).',
    ),
  });
  return v.pipe(
    fields,
    v.metadata({ oneOf: ways.map((way) => ({ required: [way] })) }),
    v.transform(({ from, to, onSuccess, ...way }): Email => ({ from, to, onSuccess, transport: transport(way) })),
  );
}

/** The way that is given. */
function transport(way: {
  smtp?: Omit<Extract<Transport, { kind: 'smtp' }>, 'kind'>;
  sendmail?: string[];
  directory?: string;
}): Transport {
  const [path, ...args] = way.sendmail ?? [];
  if (path !== undefined) return { kind: 'sendmail', path, args };
  if (way.directory !== undefined) return { kind: 'directory', path: way.directory };
  return { kind: 'smtp', ...(way.smtp ?? localSmtp) };
}

/** The whole file, as valibot sees it: input is what the YAML says, output has all defaults, units read, paths resolved. */
export function configSchema(resolve: Resolve) {
  const alerts = v.strictObject({
    email: key(v.exactOptional(email(resolve)), 'Mail: who gets it, and by exactly one of smtp, sendmail, directory.'),
    freshness: key(v.exactOptional(freshness), 'Warn when no new snapshot has come for this long, such as 48h.'),
  });
  const ping = v.strictObject({
    urlFile: path(resolve, undefined, { description: 'A file with the address of the monitor, closed to others.' }),
    findings: key(
      v.optional(v.boolean('must be true or false'), false),
      'Whether it is also told which rules were broken, and how often.',
    ),
    style: key(
      v.optional(oneOf('healthchecks', 'kuma'), 'healthchecks'),
      'How it is told: healthchecks (/start, the address itself, /fail), or kuma (?status=up or down, and msg).',
    ),
  });
  const monitoring = v.strictObject({
    ping: key(
      v.exactOptional(ping),
      'A monitor, such as healthchecks or Uptime Kuma, that is told of the start and the end of each run.',
    ),
    metricsFile: key(v.exactOptional(path(resolve)), "Figures for Prometheus's node exporter are written here."),
  });
  return v.strictObject({
    state: key(
      v.exactOptional(path(resolve)),
      'The folder of the journal, tombstones and unsent mail. By default /var/lib/rsync-ratchet; ~/.local/state/rsync-ratchet for a user other than root.',
    ),
    repositories: key(
      v.pipe(
        v.record(v.string(), repository(resolve)),
        v.metadata({ minProperties: 1, propertyNames: { pattern: namePattern } }),
      ),
      'What is pulled, by the name that commands, mails and the journal use.',
    ),
    alerts: key(v.optional(alerts, {}), 'Whom to tell. Without this nobody is.'),
    monitoring: key(v.optional(monitoring, {}), 'What other programs are told.'),
  });
}

export type ConfigSchema = ReturnType<typeof configSchema>;
