/** The command for serverA, learned from rsync before it has read anything of serverA, and held against what it must be. */
import type { Repository } from '../config/config.ts';
import { escapeText } from '../printable.ts';
import { Failure } from '../errors.ts';

/** What we want of the rsync on serverA. */
export interface Wish {
  /** As rsync takes it behind `user@host:`. */
  readonly path: string;
  /** Whether it is to take files (doctor's question whether it would) instead of sending them. */
  readonly receives?: boolean;
  /** Whether the path is to be one word for the shell there, however this rsync says it; what receives is always asked so. */
  readonly isLiteral?: boolean;
}

/** Letters, among them the version of an rsync before its release: `-ntre.iLsfxCIvu`, `-e31.14LsfxCIvu`. */
const letters = /^-[A-Za-z]+[\d.]*[A-Za-z]*$/;

/**
 * What rsync asked its `-e` for, as one command for serverA's shell; `args` is what we gave rsync. Throws Failure unless it
 * is exactly rsync.remotePath, `--server --sender`, one word of letters, options that we gave ourselves, `.` and the path.
 */
export function remoteCommand(
  asked: readonly string[],
  { source, rsync }: Repository,
  args: readonly string[],
  { path, receives = false, isLiteral = receives }: Wish,
): string {
  if (source.kind !== 'ssh') throw new Error('only ssh has channels');
  const way = [...(source.user === undefined ? [] : ['-l', source.user]), source.host];
  const begin = [...way, rsync.remotePath, '--server', ...(receives ? [] : ['--sender'])];
  const [word = '', ...rest] = asked.slice(begin.length);
  const options = rest.slice(0, -2);
  const [dot, last = ''] = rest.slice(-2);
  const isOurs =
    begin.every((expected, n) => asked[n] === expected) &&
    letters.test(word) &&
    options.every(
      (option) =>
        args.includes(plain(option)) ||
        (receives && option === '--log-format=%i') || // so it is told of an --out-format
        (option === '--files-from=-' && args.some((arg) => arg.startsWith('--files-from='))),
    ) &&
    dot === '.' &&
    [last, plain(last)].includes(path);
  if (isOurs && isLiteral) requireOneWord(last, path);
  if (isOurs) return asked.slice(way.length).join(' ');
  throw new Failure(
    `rsync on this machine asks serverA for something that we did not ask it for: ${escapeText(asked.join(' '))}`,
    'is rsync.path a sound rsync? Compare it with its package (dpkg --verify rsync); serverA was asked for nothing',
  );
}

/** A path that any shell takes for one word. */
const needsNoQuotes = /^[\w./@%+=:,-]+$/;

/** An rsync before 3.2.4 leaves quoting to who calls it, and would look, or write, into another folder. */
function requireOneWord(asked: string, path: string): void {
  if (asked !== path || needsNoQuotes.test(path)) return;
  throw new Failure(
    `this rsync does not quote the path ${escapeText(path)} for the shell there`,
    'use rsync 3.2.4 or later, or a folder whose path has only letters, digits and . _ / @ % + = : , -; nothing was sent',
  );
}

/** A word without the backslashes that rsync puts there for serverA's shell (from 3.2.4 on). */
function plain(word: string): string {
  return word.replace(/\\(.)/gs, '$1');
}
