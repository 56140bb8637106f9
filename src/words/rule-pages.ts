/** What the manual's tables and `explain` say of each rule besides its words in a mail: in short, an innocent cause, an attack, where to look. */
import type { Rule } from '../audit/policy.ts';
import { ruleWords, type RuleWords } from './rules.ts';

/** Of one rule. `REPO` and `REPLICA` as in RuleWords; code stands between backticks. */
interface RulePage {
  /** What it means, in half a sentence. */
  readonly short: string;
  readonly innocent: string;
  readonly attack: string;
  /** Where to see more. */
  readonly look: string;
}

const none = 'none known';
const history = '`rsync-ratchet history REPO` shows since when';
const mailed = 'the mail names the files; `rsync-ratchet history REPO` shows since when';

/** The rules that raise an alarm, as the manual lists them. */
export const alarmPages = {
  modified: {
    short: 'a file that restic never changes has changed',
    innocent: 'a bad disk on serverA',
    attack: 'ransomware, tampering',
    look: `\`rsync-ratchet audit REPO\` names each file with both sizes and times; ${history}.`,
  },
  deleted: {
    short: 'files are gone, no window was open',
    innocent: 'somebody pruned without telling',
    attack: 'destruction of backups',
    look: '`rsync-ratchet audit REPO` names what is gone; `rsync-ratchet prune-window status REPO` says whether a window was open.',
  },
  'type-changed': {
    short: 'a file became a folder, symlink, device',
    innocent: 'a clumsy move on serverA',
    attack: 'tricking copies out of the repository',
    look: '`ls -la` at the path on serverA and in the replica.',
  },
  pinned: {
    short: 'a key or the config was added, deleted',
    innocent: '`restic key add`; `restic migrate`',
    attack: 'a key for the attacker; nobody can open it any more',
    look: '`ls -l keys/` on serverA and in the replica; `restic key list` tells who made each key, and when.',
  },
  inconsistent: {
    short: "rsync's words contradict its list",
    innocent: none,
    attack: 'a lying rsync',
    look: "`rsync-ratchet --verbose audit REPO` shows the calls; `rsync --version` and the package's checksums on serverA.",
  },
  unaccounted: {
    short: 'a path was not named, or twice',
    innocent: 'somebody wrote into the replica during the run',
    attack: 'a lying rsync that hides changes',
    look: '`rsync-ratchet audit REPO` once more; `find REPLICA -newermt yesterday` shows what was written here.',
  },
  'over-limit': {
    short: 'more new files or bytes than allowed',
    innocent: 'a very large backup',
    attack: 'filling the disk',
    look: '`rsync-ratchet audit REPO` counts files and bytes; `restic snapshots` and `restic stats` on a client tell whose they are.',
  },
  'over-budget': {
    short: 'more deletions than the window lets through',
    innocent: 'a prune larger than thought',
    attack: 'deleting everything in an open window',
    look: '`rsync-ratchet prune-window status REPO` shows the budget and what is used; `audit` names what is gone.',
  },
  mtimes: {
    short: 'very many files have new times',
    innocent: 'serverA was restored',
    attack: 'covering tracks',
    look: '`rsync-ratchet audit REPO` counts them; `ls -l --time-style=full-iso` on both sides shows the pattern.',
  },
  'spot-check': {
    short: 'serverA calls a file unchanged, its content is not',
    innocent: 'bit rot on serverA',
    attack: 'silent tampering',
    look: '`sha256sum` of the named file on serverA and in the replica; `rsync-ratchet scrub REPO` clears this side.',
  },
  unproven: {
    short: 'right hash, but restic refuses it',
    innocent: none,
    attack: 'poisoning the repository',
    look: '`ls -l` of the file on serverA (owner, time); the file itself lies in `REPLICA/.rsync-ratchet/quarantine/`.',
  },
  refused: {
    short: 'no row of the policy allows it',
    innocent: none,
    attack: '–',
    look: '`rsync-ratchet --verbose audit REPO`.',
  },
} satisfies Partial<Record<Rule, RulePage>>;

/** The rules that let the night go on. */
export const warningPages = {
  foreign: {
    short: 'serverA has what restic does not use; never copied',
    innocent: "a file manager's or another backup's file",
    attack: 'something put there for whoever copies it',
    look: '`rsync-ratchet audit REPO` names it; `ls -la` there on serverA.',
  },
  stray: {
    short: 'somebody put something into the replica here',
    innocent: 'a note, an editor, a file manager',
    attack: 'somebody is on this machine',
    look: '`ls -la` at the path in `REPLICA`: whose it is, and since when.',
  },
  quarantined: {
    short: 'content does not match the name',
    innocent: 'a bad disk, a damaged transfer',
    attack: 'other content under a right name',
    look: '`ls -l REPLICA/.rsync-ratchet/quarantine`; `sha256sum` of the file on serverA.',
  },
  'not-delivered': {
    short: 'serverA listed a file and did not send it',
    innocent: 'a pack that the account cannot read, a dying disk',
    attack: 'withholding what is new',
    look: 'the path on serverA, as the account of the nights: can it be read?',
  },
  unrequested: {
    short: 'serverA sent what nobody asked for; thrown away',
    innocent: none,
    attack: 'a lying rsync',
    look: "`rsync --version` and the package's checksums on serverA.",
  },
  unfinished: {
    short: 'the time was over; what was not read waits',
    innocent: 'a first copy, a slow night',
    attack: 'sending much, or slowly',
    look: '`rsync-ratchet status REPO`, and how long each step took: `rsync-ratchet history REPO`.',
  },
  'held-back': {
    short: 'a snapshot waits for a pack',
    innocent: 'a pack that is damaged or has not come yet',
    attack: 'a snapshot that cannot be restored',
    look: 'the other warnings of that night; `restic check` on serverA.',
  },
  'missing-pack': {
    short: 'an index names a pack that is not there',
    innocent: 'a dying disk on serverA',
    attack: 'taking data away before it was copied',
    look: 'the path on serverA; `rsync-ratchet check REPO` names what misses it.',
  },
  unconfirmed: {
    short: 'deleted files that restic still needs',
    innocent: 'serverA was still pruning; a new password',
    attack: 'deleting what snapshots need',
    look: '`rsync-ratchet tombstones list REPO`.',
  },
  postponed: {
    short: 'what is due stays for now',
    innocent: 'a file that has not come, somebody who reads the replica',
    attack: '–',
    look: `\`rsync-ratchet tombstones list REPO\`; ${history}.`,
  },
  unread: {
    short: 'restic has not read it yet',
    innocent: 'a first copy, an adopted one, an upgrade',
    attack: '–',
    look: '`rsync-ratchet status REPO` says how much it is.',
  },
  'came-back': {
    short: 'kept files that serverA has again',
    innocent: 'they were brought back on purpose',
    attack: '–',
    look: '`rsync-ratchet tombstones list REPO`.',
  },
  unchecked: {
    short: 'no room for the spot check',
    innocent: 'a disk that is nearly full',
    attack: '–',
    look: '`df -h REPLICA`.',
  },
  'check-failed': {
    short: 'restic finds the replica damaged or incomplete',
    innocent: 'a bad disk here, or damage from before the backup',
    attack: 'somebody is on this machine',
    look: '`rsync-ratchet check REPO` once more; `dmesg` and `smartctl` here.',
  },
  'drill-failed': {
    short: 'files of the replica could not be restored as they were',
    innocent: 'a bad disk here, a broken restic',
    attack: 'a snapshot that says a false length of its data',
    look: '`rsync-ratchet drill REPO` once more; `rsync-ratchet check REPO`.',
  },
  damaged: {
    short: 'files here are no longer what they were (scrub)',
    innocent: 'a bad disk or bad memory here',
    attack: 'somebody is on this machine',
    look: '`rsync-ratchet scrub REPO`; `dmesg` and `smartctl` here.',
  },
  clock: {
    short: 'the clock has jumped, or no run for a week',
    innocent: 'a battery, a machine that was off',
    attack: 'moving time to end a grace',
    look: '`timedatectl`; `rsync-ratchet history REPO`.',
  },
  'no-room': {
    short: '`rsync.sandbox: auto` where bubblewrap does not work',
    innocent: 'it is not installed, or the kernel refuses namespaces',
    attack: '–',
    look: '`rsync-ratchet doctor REPO`.',
  },
  stale: {
    short: 'no new snapshot for longer than `alerts.freshness`',
    innocent: 'clients that pause',
    attack: 'a serverA that shows an old state',
    look: 'the logs of the clients; `restic snapshots --latest 1` against serverA.',
  },
  suspect: {
    short: 'only the time of a file differs; a note',
    innocent: 'a copy without times, a restore',
    attack: 'covering tracks',
    look: mailed + '.',
  },
} satisfies Partial<Record<Rule, RulePage>>;

const pages: Readonly<Record<Rule, RulePage>> = { ...alarmPages, ...warningPages };

/** All rules: those that raise an alarm first. */
export const allRules = Object.keys(pages) as readonly Rule[];

export function isRule(text: string): text is Rule {
  return Object.hasOwn(pages, text);
}

/** All that is said of a rule. */
export function pageOf(rule: Rule): RulePage & RuleWords {
  return { ...pages[rule], ...ruleWords[rule] };
}
