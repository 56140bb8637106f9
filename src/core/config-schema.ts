import * as v from 'valibot';
import { aSource, isMailHost, parseSource } from './config-source.ts';
import type { Email, Source, Transport } from './config-types.ts';
import * as units from './config-units.ts';

/** Makes a path absolute and tidy; a relative one starts from the folder of the configuration. */
export type Resolve = (path: string) => string;

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const weekly = { every: 7 * units.day, readDataSubset: 30 };
const localSmtp = { host: 'localhost', port: 25, tls: 'opportunistic' } as const;

/** Text that is safe in a command line, a header or a path. */
function text(right: string) {
  return v.pipe(
    v.string(right),
    v.check((input) => input.trim() !== '', `must not be empty: ${right}`),
    v.check(units.isPrintable, `must not contain control characters or line breaks: ${right}`),
  );
}

/** Text that a parser of ours turns into a value. */
function parsed<T>(right: string, parse: units.Parse<T>) {
  return v.pipe(text(right), parsing(parse));
}

function parsing<I, T>(parse: (input: I) => units.Parsed<T>) {
  return v.rawTransform<I, T>(({ dataset, addIssue, NEVER }) => {
    const result = parse(dataset.value);
    if ('value' in result) return result.value;
    addIssue({ message: result.wrong });
    return NEVER;
  });
}

/** Text that must match. */
const matching = (right: string, good: (input: string) => boolean) => v.pipe(text(right), v.check(good, right));

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const right = `must be a whole number, ${least}${most === Number.MAX_SAFE_INTEGER ? ' or more' : ` to ${most}`}`;
  return v.pipe(v.number(right), v.safeInteger(right), v.minValue(least, right), v.maxValue(most, right));
};

const oneOf = <const T extends readonly string[]>(...options: T) =>
  v.picklist(options, `must be ${options.slice(0, -1).join(', ')} or ${options.at(-1) ?? ''}`);

const list = <S extends v.GenericSchema>(item: S, of: string) => v.array(item, `must be a list of ${of}, such as [a, b]`);

const time = (most?: number) => parsed(units.aTime, units.parseTime(most));

/** A path; a shell would replace `~`, we would make a folder of that name. */
function path(resolve: Resolve, right = 'must be a path: absolute, or relative to the folder of this file') {
  return parsed(right, (input) =>
    input.startsWith('~') ? { wrong: `~ is not replaced here, write the whole path: ${right}` } : { value: resolve(input) });
}

/** A program: a name for PATH to find, or a path. */
function program(resolve: Resolve) {
  return parsed('must be a program: its name or its path', (input) => {
    if (/^[-~]/.test(input)) return { wrong: "must be a program, its name or its path, not beginning with '-' or '~'" };
    return { value: input.includes('/') ? resolve(input) : input };
  });
}

function knownZone(zone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}

const clock = matching('must be a time of day from "00:00" to "23:59", in quotes', (input) => /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(input));

const pruneWindow = v.strictObject({
  days: v.pipe(
    list(oneOf(...weekdays), 'days (mon, tue, wed, thu, fri, sat, sun)'),
    v.minLength(1, 'must name at least one day of mon, tue, wed, thu, fri, sat, sun'),
  ),
  from: clock,
  to: clock,
  timezone: matching('must be a time zone such as Europe/Berlin or UTC', knownZone),
  maxDeletions: whole(0),
});

/** rsync's filter rules give a meaning to some beginnings and to wildcards; an ignored name must not blind the audit. */
const ignored = v.pipe(
  text('must be the name of a file or folder, such as ".DS_Store"'),
  v.check((name) => !name.includes('/'), 'must be one name without a slash, such as ".DS_Store"'),
  v.check((name) => !/[*?[\]\\]/.test(name), 'must be a literal name, without * ? [ ] \\'),
  v.check((name) => !/^(?:[+-] |!$|\.\.?$)/.test(name), "must be a name that rsync takes literally: not !, . or .., not beginning with '+ ' or '- '"),
  v.check(
    (name) => !/^(?:config|keys|index|snapshots|data|locks|[0-9a-f]{2}|[0-9a-f]{64}|\.rsync-ratchet)$/i.test(name),
    'must not be a name that restic or rsync-ratchet itself uses: the audit would not see it',
  ),
);

const option = matching(
  'must be an ssh option with its value, such as ServerAliveInterval=15',
  (input) => /^[A-Za-z][A-Za-z0-9]*(?: *= *| +)\S/.test(input),
);

/** What a file may say of ssh, rsync and restic. */
function programs(resolve: Resolve) {
  const ssh = v.strictObject({
    port: v.optional(whole(1, 65_535), 22),
    identityFile: v.exactOptional(path(resolve)),
    knownHostsFile: v.exactOptional(path(resolve)),
    options: v.optional(list(option, 'ssh options'), []),
  });
  const rsync = v.strictObject({
    path: v.optional(program(resolve), 'rsync'),
    remotePath: v.optional(matching("must be serverA's rsync: its name or path, not beginning with '-'", (input) => !input.startsWith('-')), 'rsync'),
    bandwidthLimit: v.exactOptional(parsed(units.aSize, units.parseSize(1000))),
    sandbox: v.optional(oneOf('auto', 'require', 'off'), 'auto'),
  });
  const restic = v.strictObject({
    path: v.optional(program(resolve), 'restic'),
    passwordFile: v.exactOptional(path(resolve)),
    prove: v.optional(v.union([v.boolean(), v.literal('unisolated')], 'must be true, false or unisolated'), true),
    check: v.exactOptional(v.strictObject({
      every: v.optional(time(), '7d'),
      readDataSubset: v.optional(whole(1, 1000), 30),
    })),
  });
  // Without a password restic can check nothing.
  const settled = v.transform(({ check, ...rest }: v.InferOutput<typeof restic>) =>
    rest.passwordFile === undefined ? rest : { ...rest, passwordFile: rest.passwordFile, check: check ?? weekly });
  return { ssh: v.optional(ssh, {}), rsync: v.optional(rsync, {}), restic: v.optional(v.pipe(restic, settled), {}) };
}

const week = 7 * units.day;

const timeouts = v.strictObject({
  connect: v.optional(time(week), '30s'),
  stall: v.optional(time(week), '10m'),
  run: v.optional(time(week), '12h'),
});

const limits = v.strictObject({
  newFiles: v.optional(whole(0), 200_000),
  newBytes: v.optional(parsed(units.aSize, units.parseSize()), '500GB'),
  minFree: v.optional(parsed(units.aMinFree, units.parseMinFree), '5%'),
  suspects: v.optional(whole(0), 100),
});

function repository(resolve: Resolve) {
  const aReplica = 'must be the folder of the copy on this machine, such as /srv/replica/nightly';
  const source = parsed<Source>(aSource, parseSource);
  const grace = v.pipe(v.union([v.string(), v.number()], units.aGrace), parsing(units.parseGrace));
  return v.strictObject({
    source,
    replica: v.pipe(path(resolve, aReplica), v.check((folder) => folder !== '/', `must not be the whole file system: ${aReplica}`)),
    ...programs(resolve),
    timeouts: v.optional(timeouts, {}),
    deletionGrace: v.optional(grace, '30d'),
    pruneWindows: v.optional(list(pruneWindow, 'windows, each with days, from, to, timezone, maxDeletions'), []),
    limits: v.optional(limits, {}),
    spotCheck: v.optional(whole(0), 5),
    ignore: v.optional(list(ignored, 'names'), []),
  });
}

const address = matching(
  'must be one mail address, such as ops@example.org or Name <ops@example.org>',
  (input) => /^(?:[^-<>@,;:"()\\][^<>@,;:"()\\]*<(?!-)[^\s<>@,;:"()\\]+@[\w.[\]:-]+>|(?!-)[^\s<>@,;:"()\\]+@[\w.[\]:-]+)$/.test(input),
);

function email(resolve: Resolve) {
  const smtp = v.strictObject({
    host: v.optional(matching("must be a mail server's name or address, such as localhost", isMailHost), localSmtp.host),
    port: v.optional(whole(1, 65_535), localSmtp.port),
    tls: v.optional(oneOf('required', 'opportunistic', 'none'), localSmtp.tls),
    user: v.exactOptional(text('must be the user name for the mail server')),
    passwordFile: v.exactOptional(path(resolve)),
  });
  const fields = v.strictObject({
    from: address,
    to: v.pipe(list(address, 'mail addresses'), v.minLength(1, 'must name at least one mail address')),
    smtp: v.exactOptional(smtp),
    sendmail: v.exactOptional(program(resolve)),
    directory: v.exactOptional(path(resolve)),
    onSuccess: v.optional(oneOf('never', 'always', 'recovery'), 'never'),
  });
  return v.pipe(fields, v.transform(({ from, to, onSuccess, ...ways }): Email => ({ from, to, onSuccess, transport: transport(ways) })));
}

/** One of the three ways; that there is exactly one is a rule of config-rules.ts. */
function transport(ways: { smtp?: Omit<Extract<Transport, { kind: 'smtp' }>, 'kind'>; sendmail?: string; directory?: string }): Transport {
  if (ways.sendmail !== undefined) return { kind: 'sendmail', path: ways.sendmail };
  if (ways.directory !== undefined) return { kind: 'directory', path: ways.directory };
  return { kind: 'smtp', ...(ways.smtp ?? localSmtp) };
}

/** The whole file, as valibot sees it: input is what the YAML says, output has all defaults, units read, paths resolved. */
export function configSchema(resolve: Resolve) {
  return v.strictObject({
    state: v.exactOptional(path(resolve)),
    repositories: v.record(v.string(), repository(resolve)),
    alerts: v.optional(v.strictObject({ email: v.exactOptional(email(resolve)), freshness: v.exactOptional(time()) }), {}),
    monitoring: v.optional(v.strictObject({
      ping: v.exactOptional(v.strictObject({ urlFile: path(resolve), findings: v.optional(v.boolean('must be true or false'), false) })),
      metricsFile: v.exactOptional(path(resolve)),
    }), {}),
  });
}

export type ConfigSchema = ReturnType<typeof configSchema>;
