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
    rsyncHints.find(([matches]) => matches(ended, said))?.[1] ?? 'see the message above and rsync(1), "EXIT VALUES"'
  );
}

const rsyncHints: readonly (readonly [(ended: Ended, said: string) => boolean, string])[] = [
  [(ended) => ended.stopped === 'stall', 'serverA or the network hangs: try again, or raise timeouts.stall'],
  [(ended) => ended.stopped === 'deadline', 'raise timeouts.run, or look why serverA is slow'],
  [
    (ended, said) => ended.stopped === 'overrun' || /File too large|SIGXFSZ/.test(said),
    'serverA sends more than it listed: look at the rsync program there',
  ],
  [
    (_, said) => /ENOENT|spawn|(setpriv|prlimit): failed to execute/.test(said),
    'rsync is not installed on this machine, or rsync.path is wrong',
  ],
  [
    (_, said) => /--max-alloc=\S+: unknown option/.test(said),
    'this rsync is too old: 3.2.3 or later is needed (rsync-ratchet doctor)',
  ],
  [
    (_, said) => /openrsync|^usage: rsync \[-|exclusion list is non-empty/m.test(said),
    'the rsync on serverA is openrsync, which knows too little of the protocol: install rsync of samba.org there, and name it in rsync.remotePath (behind rrsync: in rrsync itself)',
  ],
  [
    (_, said) => /rrsync.*Restricted directory does not exist|rrsync.*Unable to chdir to restricted dir/i.test(said),
    'the folder does not exist on serverA: it is the one that rrsync is given in authorized_keys, correct it there',
  ],
  [
    (_, said) => /rrsync error:.*(No such file|does not exist)|rrsync.*(Not a directory|illegal|outside)/i.test(said),
    "the folder does not exist on serverA: behind rrsync the path in source is relative to rrsync's folder, so usually just user@host:/",
  ],
  [
    (_, said) => /does not run rsync|' is not rsync/.test(said),
    'rrsync on serverA takes no other command than rsync: leave rsync.remotePath away',
  ],
  [
    (_, said) => /rrsync.*(write-only server|option .* has been disabled)/i.test(said),
    'rrsync on serverA refuses what we ask for: its line in authorized_keys must say rrsync -ro FOLDER',
  ],
  [
    (_, said) => /(change_dir|link_stat) ".*" failed: No such file or directory/.test(said),
    "the path in source does not exist on serverA: correct it (behind rrsync it is relative to rrsync's folder, so usually just user@host:/)",
  ],
  [
    (_, said) => /(change_dir|link_stat) ".*" failed: Not a directory/.test(said),
    "the path in source is a file on serverA: it must be the folder of restic's repository",
  ],
  [
    (ended, said) => ended.code === 127 || said.includes('not found') || /sh: .*: No such file or directory/.test(said),
    'rsync is missing on serverA, or rsync.remotePath is wrong: install it there (apt-get install rsync)',
  ],
  [
    (_, said) =>
      /sftp connections only|account is currently not available|your shell clean|protocol version mismatch/.test(said),
    'what answers on serverA is no rsync: an account that has only sftp (then say sftp://user@host/path in source), one without a shell, or a start-up file of its shell that prints',
  ],
  [
    (_, said) => said.includes('Permission denied'),
    'serverA may not read part of the repository: check owner and modes there',
  ],
  [
    (ended, said) =>
      ended.code === 255 ||
      /Control socket|mux_client|Connection closed|Broken pipe|connection unexpectedly closed \([1-9]/.test(said),
    'the ssh connection broke: see whether serverA is up, and run again',
  ],
  [
    (ended) => ended.code === 22,
    'serverA lists more than our rsync may hold in memory: see what lies there, or whether the rsync there lies',
  ],
  [(ended) => ended.code === 23, 'part of the repository could not be read on serverA, so nothing it said counts'],
  [(ended) => ended.code === 24, 'files vanished on serverA twice while they were listed: is a prune running there?'],
  [
    (ended) => ended.code === 2 || ended.code === 12,
    'the ssh connection broke, or serverA did not speak the rsync protocol: is it up, is rsync installed there, does the account print a banner?',
  ],
  [(ended) => ended.code === 30, 'serverA did not answer within timeouts.stall'],
];
