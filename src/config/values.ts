/** The kinds of values that a configuration has: how each is checked, and the pattern that JSON Schema shows to editors. */
import * as v from 'valibot';
import * as units from './units.ts';
import { hiddenBy } from '../ignored.ts';

/** Makes a path absolute and tidy; a relative one starts from the folder of the configuration. A credential's name becomes the path of its file, where we have it. */
export type Resolve = (path: string, kind?: 'credential') => string;

/**
 * What JSON Schema says of a value besides its type. It is no check: what the checks refuse, a pattern may let through,
 * but never the other way round.
 */
type Said = Record<string, string | number | object>;

/** Text that is safe in a command line, a header or a path. `said` is for JSON Schema. */
export function text(right: string, said: Said = {}) {
  return v.pipe(
    v.string(right),
    v.metadata({ pattern: '\\S', ...said }),
    v.check((input) => input.trim() !== '', `must not be empty: ${right}`),
    v.check(units.isPrintable, `must not contain control characters or line breaks: ${right}`),
  );
}

/** Text that a parser of ours turns into a value. */
export function parsed<T>(right: string, parse: units.Parse<T>, said: Said = {}) {
  return v.pipe(text(right, said), parsing(parse));
}

/** A parser of ours as a step of a schema. JSON Schema sees nothing behind it, so what is to be said stands before it. */
function parsing<I, T>(parse: (input: I) => units.Parsed<T>) {
  return v.rawTransform<I, T>(({ dataset, addIssue, NEVER }) => {
    const result = parse(dataset.value);
    if ('value' in result) return result.value;
    addIssue({ message: result.wrong });
    return NEVER;
  });
}

/** Text that must match. */
export const matching = (right: string, good: (input: string) => boolean, said: Said = {}) =>
  v.pipe(text(right, said), v.check(good, right));

export const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const right = `must be a whole number, ${least}${most === Number.MAX_SAFE_INTEGER ? ' or more' : ` to ${most}`}`;
  return v.pipe(
    v.number(right),
    v.safeInteger(right),
    v.metadata({ type: 'integer' }),
    v.minValue(least, right),
    v.maxValue(most, right),
  );
};

export const oneOf = <const T extends readonly string[]>(...options: T) =>
  v.picklist(options, `must be ${options.slice(0, -1).join(', ')} or ${options.at(-1) ?? ''}`);

export const list = <S extends v.GenericSchema>(item: S, of: string) =>
  v.array(item, `must be a list of ${of}, such as [a, b]`);

export const time = (most?: number, least?: number) =>
  parsed(units.aTime, units.parseTime(most, least), { pattern: units.timePattern });

/** Without a new snapshot: runs are hours apart, and what is shorter would warn when one is run by hand. */
export const freshness = time(undefined, units.hour);

export const size = (least?: number) => parsed(units.aSize, units.parseSize(least), { pattern: units.sizePattern });

export const minFree = parsed(units.aMinFree, units.parseMinFree, { pattern: units.minFreePattern });

export const grace = v.pipe(
  v.union(
    [v.pipe(v.string(), v.metadata({ pattern: units.gracePattern })), v.pipe(v.number(), v.metadata({ const: 0 }))],
    units.aGrace,
  ),
  parsing(units.parseGrace),
);

/** A path; a shell would replace `~`, we would make a folder of that name. */
export function path(
  resolve: Resolve,
  right = 'must be a path: absolute, or relative to the folder of this file',
  said: Said = {},
) {
  return parsed(
    right,
    (input) =>
      input.startsWith('~')
        ? { wrong: `~ is not replaced here, write the whole path: ${right}` }
        : { value: resolve(input) },
    { pattern: '^[^~]', ...said },
  );
}

/** How a secret is named that a systemd unit hands out (`LoadCredential=`). */
export const credential = 'credential:';

/** A file with a secret, or a credential of the systemd unit. */
export function secretFile(resolve: Resolve, said: Said = {}) {
  const right = 'must be a file with the secret in it, or credential:NAME as the systemd unit hands it out';
  return parsed(
    right,
    (input) => {
      if (input.startsWith('~')) return { wrong: `~ is not replaced here, write the whole path: ${right}` };
      if (!input.startsWith(credential)) return { value: resolve(input) };
      return /^credential:(?!\.{1,2}$)[\w.-]+$/.test(input)
        ? { value: resolve(input, 'credential') }
        : { wrong: 'must be credential: and a name of letters, digits and . _ -' };
    },
    { pattern: '^[^~]', ...said },
  );
}

/** A program: a name for PATH to find, or a path. */
export function program(resolve: Resolve) {
  return parsed(
    'must be a program: its name or its path',
    (input) => {
      if (/^[-~]/.test(input))
        return { wrong: "must be a program, its name or its path, not beginning with '-' or '~'" };
      return { value: input.includes('/') ? resolve(input) : input };
    },
    { pattern: '^[^-~]' },
  );
}

/** A program with its arguments: a list, or one word. Blanks in that one word would make a program of that name. */
export function commandLine(resolve: Resolve) {
  const right = 'must be a program, or a list of a program and its arguments such as [/usr/bin/msmtp, -a, work]';
  return v.pipe(
    v.union([v.string(), v.array(v.string())], right),
    parsing((input: string | string[]): units.Parsed<string[]> => {
      const [first = '', ...rest] = typeof input === 'string' ? [input] : input;
      if (typeof input === 'string' && /\s/.test(input.trim()))
        return {
          wrong: `has blanks, which are no part of a program's name: write a list, [${input.trim().split(/\s+/).join(', ')}]`,
        };
      if (first.trim() === '' || /^[-~]/.test(first))
        return { wrong: `${right}; the program must not begin with '-' or '~'` };
      if (![first, ...rest].every(units.isPrintable))
        return { wrong: `must not contain control characters or line breaks: ${right}` };
      return { value: [first.includes('/') ? resolve(first) : first, ...rest] };
    }),
  );
}

function knownZone(zone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}

export const zone = matching('must be a time zone such as Europe/Berlin or UTC', knownZone);

const clockPattern = '^(?:[01]\\d|2[0-3]):[0-5]\\d$';

export const clock = matching(
  'must be a time of day from "00:00" to "23:59", in quotes',
  (input) => new RegExp(clockPattern).test(input),
  { pattern: clockPattern },
);

/** rsync's filter rules give a meaning to some beginnings and to wildcards; an ignored name must not blind the audit. */
export const ignored = v.pipe(
  text('must be the name of a file or folder, such as ".DS_Store", "._*" or "*.bak"', {
    pattern: '^(?:[^/*?[\\]\\\\]+\\*?|\\*[^/*?[\\]\\\\]+)$',
  }),
  v.check((name) => !name.includes('/'), 'must be one name without a slash, such as ".DS_Store"'),
  v.check(
    (name) => /^(?:[^*?[\]\\]+\*?|\*[^*?[\]\\]+)$/.test(name),
    'must be a literal name, or a literal beginning or end with one *, such as "._*" or "*.bak"; without ? [ ] \\',
  ),
  v.check(
    (name) => !/^(?:[+-] |!$|\.\.?$)/.test(name),
    "must be a name that rsync takes literally: not !, . or .., not beginning with '+ ' or '- '",
  ),
  parsing((name) => {
    const hidden = hiddenBy(name);
    return hidden === undefined
      ? { value: name }
      : {
          wrong: `must not match a name that restic or rsync-ratchet itself uses: it would hide ${hidden.length > 20 ? `${hidden.slice(0, 8)}… and other files` : hidden} from the audit`,
        };
  }),
);

const optionPattern = '^[A-Za-z][A-Za-z0-9]*(?: *= *| +)\\S';

export const sshOption = matching(
  'must be an ssh option with its value, such as ServerAliveInterval=15',
  (input) => new RegExp(optionPattern).test(input),
  { pattern: optionPattern },
);

export const address = matching(
  'must be one mail address, such as ops@example.org or Name <ops@example.org>',
  (input) =>
    /^(?:[^-<>@,;:"()\\][^<>@,;:"()\\]*<(?!-)[^\s<>@,;:"()\\]+@[\w.[\]:-]+>|(?!-)[^\s<>@,;:"()\\]+@[\w.[\]:-]+)$/.test(
      input,
    ),
  { pattern: '^[^@]+@[^@]+$' },
);
