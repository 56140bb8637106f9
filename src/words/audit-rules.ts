/** The words for the rules of the audit: what serverA lists, held against what is in the replica. */
import type { RuleWords } from './rules.ts';

/** The end of the road back from every alarm. */
export const acknowledge = [
  'Then lower the alarm: rsync-ratchet acknowledge REPO --reason "what it was"',
  'and run: rsync-ratchet sync REPO (what is still wrong raises the next alarm).',
];

/** For damage on serverA, and for an attack. */
export const restoreOnServerA = [
  'If serverA was damaged or attacked: stop backups, take serverA off the network, keep it as evidence.',
  'The replica still has every file as it was. Give the named ones back; it shows what it would do, and asks:',
  '  rsync-ratchet give-back REPO --to DESTINATION',
  'It goes by your own ssh into the folder of the repository there; then check there with: restic check',
];

/** From what serverA has changed to what lies in the replica and is not restic's. */
export const auditRules = {
  modified: {
    means: 'A file that restic never changes has changed on serverA.',
    road: [
      'Compare: sha256sum of the file on serverA with its name (restic names a file after the hash of its content).',
      'If it is config, and you ran restic migrate: rsync-ratchet init --repin REPO',
      'If the content on serverA is right and only its time differs (a restore from tape, a copy without -t):',
      '  set the times back on serverA to those of REPLICA/ (touch -r, or rsync -t from REPLICA/).',
      ...restoreOnServerA,
      ...acknowledge,
    ],
  },
  deleted: {
    means: 'Files of the repository are gone from serverA, and nobody on this machine had said so beforehand.',
    road: [
      'Ask who ran restic forget, prune, tag, rewrite, migrate or rebuild-index (repair index): each deletes files.',
      'If it was you: rsync-ratchet prune-window open REPO --for 2h --max-deletions N --reason "prune", with N as above.',
      'If nobody did, treat it as an attack:',
      ...restoreOnServerA.map((line) => `  ${line}`),
      '  If the files cannot come back to serverA, open a window as above, sync, then keep them here for good:',
      '  rsync-ratchet tombstones keep REPO --all',
      ...acknowledge,
    ],
  },
  'over-budget': {
    means:
      'More was deleted than the open prune window lets through, or no snapshot would be left. Nothing of it was accepted.',
    road: [
      'Ask whether so much was pruned. If so: rsync-ratchet prune-window open REPO --max-deletions N, with N large enough.',
      'If every snapshot was replaced on purpose (tag, rewrite, forget --keep-last 1): it is let through once the new ones are admitted;',
      '  without a restic password only where deletionGrace is 7d or longer. If none is left at all, make a new backup first.',
      'If not, treat it as an attack:',
      ...restoreOnServerA.map((line) => `  ${line}`),
      ...acknowledge,
    ],
  },
  'type-changed': {
    means: 'What is a file in the replica is a folder, a symlink or a device on serverA (or the other way round).',
    road: [
      'restic never does that. Look at the path on serverA with: ls -la',
      'If somebody moved a folder to another disk there and left a symlink: mount it in its place (mount --bind), or move it back.',
      ...restoreOnServerA,
      ...acknowledge,
    ],
  },
  pinned: {
    means: 'A key or the config was added or deleted on serverA. Both were pinned at init.',
    road: [
      'Ask who ran restic key add, key passwd or key remove. A key that nobody added lets somebody else in.',
      'If it was you: rsync-ratchet prune-window open REPO --for 2h --allow-keys --reason "new key". The last key and the config',
      '  never change that way.',
      'If it was not you: remove the new key file on serverA, or give the deleted one back:',
      '  rsync-ratchet give-back REPO --to DESTINATION',
      ...acknowledge,
    ],
  },
  inconsistent: {
    means: "rsync's own words contradict what the file list says. An honest rsync never does that.",
    road: [
      'Something between the two rsyncs lies. Look at the rsync program on serverA (rpm -V, debsums) and treat serverA as compromised',
      'until you know better.',
      ...acknowledge,
    ],
  },
  unaccounted: {
    means: 'A path of the replica was not named in the report, or more than once. An honest rsync names each once.',
    road: [
      'If somebody wrote into REPLICA/ on this machine during the run, put that right and run again.',
      'Otherwise the rsync on serverA leaves things out: treat serverA as compromised until you know better.',
      ...acknowledge,
    ],
  },
  'over-limit': {
    means: 'More new files or bytes than limits.newFiles and limits.newBytes allow for one night.',
    road: [
      'Ask whether so much was backed up. If not, somebody fills up the replica: look at who writes to serverA.',
      'If so, raise the limits, or let it through this once: lower the alarm as below, then run: rsync-ratchet sync --no-limits REPO',
      ...acknowledge,
    ],
  },
  refused: {
    means: 'A change that no row of the policy allows.',
    road: [
      'Look at the path on serverA and in REPLICA/, and report this: the policy should know the case.',
      ...acknowledge,
    ],
  },
  foreign: {
    means: 'serverA has something that restic does not use. It is never copied.',
    road: ["If it belongs there, add its name to the repository's ignore: list. Otherwise remove it on serverA."],
  },
  stray: {
    means:
      'The replica has something that restic does not use. Somebody put it there on this machine; it is left alone.',
    road: ["Move it out of REPLICA/, or add its name to the repository's ignore: list."],
  },
} satisfies Readonly<Record<string, RuleWords>>;
