/**
 * Names that the configuration ignores: literal, or with one `*` at the beginning or the end, as rsync's filters take
 * them. None may match a name that the audit must see; that is computed, not listed.
 */

/** Names of the layout and of ours, in any case: a file system may not tell `Config` from `config`. */
const taken = ['config', 'keys', 'index', 'snapshots', 'data', 'locks', '.rsync-ratchet'];
/** The lengths of the other names of the layout, which are hexadecimal: folders of packs, and files named by their hash. */
const hexLengths = [2, 64];

/** A pattern's fixed part, and where it stands. */
interface Pattern {
  readonly fixed: string;
  readonly at: 'whole' | 'beginning' | 'end';
}

function patternOf(text: string): Pattern {
  if (text.endsWith('*')) return { fixed: text.slice(0, -1), at: 'beginning' };
  return text.startsWith('*') ? { fixed: text.slice(1), at: 'end' } : { fixed: text, at: 'whole' };
}

function matches({ fixed, at }: Pattern, name: string): boolean {
  if (at === 'whole') return name === fixed;
  return at === 'beginning' ? name.startsWith(fixed) : name.endsWith(fixed);
}

/** A name that the audit must see and that a pattern would hide, as an example; undefined when there is none. */
export function hiddenBy(text: string): string | undefined {
  const pattern = patternOf(text.toLowerCase());
  const named = taken.find((name) => matches(pattern, name));
  if (named !== undefined || !/^[0-9a-f]*$/.test(pattern.fixed)) return named;
  const length = hexLengths.find((each) =>
    pattern.at === 'whole' ? pattern.fixed.length === each : pattern.fixed.length <= each,
  );
  if (length === undefined) return undefined;
  return pattern.at === 'end' ? pattern.fixed.padStart(length, '0') : pattern.fixed.padEnd(length, '0');
}

/** What the walk of the replica asks of each name: whether rsync's filters leave it out, too. Names and patterns are bytes, one per character. */
export interface IgnoredNames {
  has(name: string): boolean;
}

/** The matcher for patterns as the configuration has them. */
export function ignoredNames(ignore: readonly string[]): IgnoredNames {
  const patterns = ignore.map((text) => patternOf(Buffer.from(text).toString('latin1')));
  const whole = new Set(patterns.filter(({ at }) => at === 'whole').map(({ fixed }) => fixed));
  const parts = patterns.filter(({ at }) => at !== 'whole');
  return { has: (name) => whole.has(name) || parts.some((pattern) => matches(pattern, name)) };
}
