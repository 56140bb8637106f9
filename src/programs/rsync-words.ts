/** What rsync's end, and its words, may mean: for people; no decision rests on them. Recordings: fixtures/words. */
import { constants } from 'node:os';
import { escapeText } from '../printable.ts';
import { Failure } from '../errors.ts';
import type { Ended } from './process.ts';
import type { Connection } from './ssh.ts';

/** The failure that a dry run or a fetch ended with: what happened, on one line, and what to do. */
export function rsyncFailure(what: string, ended: Ended, connection: Pick<Connection, 'stderr'>): Failure {
  const said = [ended.stderr, connection.stderr()].filter((text) => text.trim() !== '').join('\n');
  const how =
    ended.stopped !== undefined
      ? stoppedWords[ended.stopped]
      : ended.code === undefined
        ? `ended by ${ended.signal ?? 'an error at its start'}`
        : exitWords(ended.code);
  return new Failure(
    `${what}: rsync ${how}${said === '' ? '' : `: ${escapeText(said.trim().replace(/\s*\n\s*/g, '; '))}`}`,
    hintFor(ended, said),
  );
}

const stoppedWords = {
  stall: 'made no progress for timeouts.stall and was ended',
  deadline: 'was not done within timeouts.run and was ended',
  interrupt: 'was ended because we were interrupted',
  refused: 'was ended because of what it printed',
  overrun: 'brought more than serverA had listed and was ended',
};

/** bubblewrap, like a shell, says 128 and the signal's number for a program that a signal ended. */
function exitWords(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal === undefined ? `exit code ${code}` : `ended by ${signal}`;
}

/** Hints from codes and words that serverA can choose: for people, never for decisions. */
export function hintFor(ended: Ended, said: string): string {
  return (
    rsyncHints.find(({ matches }) => matches(ended, said))?.means ?? 'see the message above and rsync(1), "EXIT VALUES"'
  );
}

/** A row is tried after those above it. `versions`: the recordings in which it was met, which a test holds. */
interface Hint {
  readonly versions?: string;
  readonly matches: (ended: Ended, said: string) => boolean;
  readonly means: string;
}

export const rsyncHints: readonly Hint[] = [
  {
    matches: (ended) => ended.stopped === 'stall',
    means: 'serverA or the network hangs: try again, or raise timeouts.stall',
  },
  {
    matches: (ended) => ended.stopped === 'deadline',
    means: 'raise timeouts.run, or look why serverA is slow',
  },
  {
    matches: (ended, said) => ended.stopped === 'overrun' || /File too large|SIGXFSZ/.test(said),
    means: 'serverA sends more than it listed: look at the rsync program there',
  },
  {
    matches: (_, said) => /ENOENT|spawn|(setpriv|prlimit): failed to execute/.test(said),
    means: 'rsync is not installed on this machine, or rsync.path is wrong',
  },
  {
    matches: (_, said) => /--max-alloc=\S+: unknown option/.test(said),
    means: 'this rsync is too old: 3.2.3 or later is needed (rsync-ratchet doctor)',
  },
  {
    versions: 'openrsync',
    matches: (_, said) => /openrsync|^usage: rsync \[-|exclusion list is non-empty/m.test(said),
    means:
      'the rsync on serverA is openrsync, which knows too little of the protocol: install rsync of samba.org there, and name it in rsync.remotePath (behind rrsync: in rrsync itself)',
  },
  {
    versions: '3.2.7 3.5.0 rrsync-3.2.3',
    matches: (_, said) =>
      /rrsync.*Restricted directory does not exist|rrsync.*Unable to chdir to restricted dir/i.test(said),
    means:
      'the folder does not exist on serverA: it is the one that rrsync is given in authorized_keys, correct it there',
  },
  {
    versions: '3.5.0 dropbear-2022.83',
    matches: (_, said) =>
      /rrsync error:.*(No such file|does not exist)|rrsync.*(Not a directory|illegal|outside)/i.test(said),
    means:
      "the folder does not exist on serverA: behind rrsync the path in source is relative to rrsync's folder, so usually just user@host:/",
  },
  {
    versions: '3.2.7 3.5.0 rrsync-3.2.3',
    matches: (_, said) => /does not run rsync|' is not rsync/.test(said),
    means: 'rrsync on serverA takes no other command than rsync: leave rsync.remotePath away',
  },
  {
    versions: '3.2.7 3.5.0 rrsync-3.2.3',
    matches: (_, said) => /rrsync.*(write-only server|option .* has been disabled)/i.test(said),
    means: 'rrsync on serverA refuses what we ask for: its line in authorized_keys must say rrsync -ro FOLDER',
  },
  {
    versions: '3.0.9 3.2.7 3.5.0 dropbear-2022.83 rrsync-3.2.3',
    matches: (_, said) => /(change_dir|link_stat) ".*" failed: No such file or directory/.test(said),
    means:
      "the path in source does not exist on serverA: correct it (behind rrsync it is relative to rrsync's folder, so usually just user@host:/)",
  },
  {
    versions: '3.2.7 3.5.0 dropbear-2022.83 rrsync-3.2.3',
    matches: (_, said) => /(change_dir|link_stat) ".*" failed: Not a directory/.test(said),
    means: "the path in source is a file on serverA: it must be the folder of restic's repository",
  },
  {
    versions: '3.2.7 3.5.0 dropbear-2022.83 rrsync-3.2.3',
    matches: (ended, said) =>
      ended.code === 127 || said.includes('not found') || /sh: .*: No such file or directory/.test(said),
    means: 'rsync is missing on serverA, or rsync.remotePath is wrong: install it there (apt-get install rsync)',
  },
  {
    versions: '3.2.7 3.5.0 rrsync-3.2.3',
    matches: (_, said) =>
      /sftp connections only|account is currently not available|your shell clean|protocol version mismatch/.test(said),
    means:
      'what answers on serverA is no rsync: an account that has only sftp (then say sftp://user@host/path in source), one without a shell, or a start-up file of its shell that prints',
  },
  {
    versions: '3.0.9 3.2.7 3.5.0 rrsync-3.2.3',
    matches: (_, said) => said.includes('Permission denied'),
    means: 'serverA may not read part of the repository: check owner and modes there',
  },
  {
    matches: (ended, said) =>
      ended.code === 255 ||
      /Control socket|mux_client|Connection closed|Broken pipe|connection unexpectedly closed \([1-9]/.test(said),
    means: 'the ssh connection broke: see whether serverA is up, and run again',
  },
  {
    matches: (ended) => ended.code === 22,
    means: 'serverA lists more than our rsync may hold in memory: see what lies there, or whether the rsync there lies',
  },
  {
    matches: (ended) => ended.code === 23,
    means: 'part of the repository could not be read on serverA, so nothing it said counts',
  },
  {
    matches: (ended) => ended.code === 24,
    means: 'files vanished on serverA twice while they were listed: is a prune running there?',
  },
  {
    matches: (ended) => ended.code === 2 || ended.code === 12,
    means:
      'the ssh connection broke, or serverA did not speak the rsync protocol: is it up, is rsync installed there, does the account print a banner?',
  },
  { versions: '', matches: (ended) => ended.code === 30, means: 'serverA did not answer within timeouts.stall' },
];
