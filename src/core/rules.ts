/** What each rule means and the whole road back, in words for people. One entry for each rule; mail and README use them. */
import type { Rule } from './policy.ts';

/** The words for one rule. `REPO` in a line stands for the repository's name, `REPLICA` for its path. */
export interface RuleWords {
  readonly means: string;
  /** Steps, each a line. */
  readonly road: readonly string[];
}

const restoreOnServerA = [
  'If serverA was damaged or attacked: stop backups, take serverA off the network, keep it as evidence.',
  'The replica still has every file as it was. Copy the named files back to serverA by hand from REPLICA/,',
  'check there with: restic check',
];

export const ruleWords: Readonly<Record<Rule, RuleWords>> = {
  modified: {
    means: 'A file that restic never changes has changed on serverA.',
    road: [
      'Compare: sha256sum of the file on serverA with its name (restic names a file after the hash of its content).',
      'If the content on serverA is right and only its time differs (a restore from tape, a copy without -t):',
      '  set the times back on serverA to those of REPLICA/ (touch -r, or rsync -t from REPLICA/).',
      ...restoreOnServerA,
      'Then run: rsync-ratchet sync REPO',
    ],
  },
  deleted: {
    means: 'Files of the repository are gone from serverA, and nobody on this machine had said so beforehand.',
    road: [
      'Ask who ran restic forget or prune. If nobody did, treat it as an attack.',
      ...restoreOnServerA,
      'Then run: rsync-ratchet sync REPO',
    ],
  },
  'type-changed': {
    means: 'What is a file in the replica is a folder, a symlink or a device on serverA (or the other way round).',
    road: ['restic never does that. Look at the path on serverA with: ls -la', ...restoreOnServerA, 'Then run: rsync-ratchet sync REPO'],
  },
  pinned: {
    means: 'A key or the config was added or deleted on serverA. Both were pinned at init.',
    road: [
      'Ask who ran restic key add, key passwd or key remove. A key that nobody added lets somebody else in.',
      'If it was not you: remove the new key file on serverA, or copy the deleted one back from REPLICA/.',
      'Then run: rsync-ratchet sync REPO',
    ],
  },
  inconsistent: {
    means: 'rsync\'s own words contradict what the file list says. An honest rsync never does that.',
    road: ['Something between the two rsyncs lies. Look at the rsync program on serverA (rpm -V, debsums) and treat serverA as compromised', 'until you know better.'],
  },
  unaccounted: {
    means: 'A path of the replica was not named in the report, or more than once. An honest rsync names each once.',
    road: [
      'If somebody wrote into REPLICA/ on this machine during the run, put that right and run again.',
      'Otherwise the rsync on serverA leaves things out: treat serverA as compromised until you know better.',
    ],
  },
  'over-limit': {
    means: 'More new files or bytes than limits.newFiles and limits.newBytes allow for one night.',
    road: [
      'Ask whether so much was backed up. If so: rsync-ratchet sync --no-limits REPO (this once), or raise the limits.',
      'If not, somebody fills up the replica: look at who writes to serverA.',
    ],
  },
  refused: {
    means: 'A change that no row of the policy allows.',
    road: ['Look at the path on serverA and in REPLICA/, and report this: the policy should know the case.'],
  },
  foreign: {
    means: 'serverA has something that restic does not use. It is never copied.',
    road: ['If it belongs there, add its name to the repository\'s ignore: list. Otherwise remove it on serverA.'],
  },
  stray: {
    means: 'The replica has something that restic does not use. Somebody put it there on this machine; it is left alone.',
    road: ['Move it out of REPLICA/, or add its name to the repository\'s ignore: list.'],
  },
  quarantined: {
    means: 'A file came with content that does not match its name. It lies in the replica\'s .rsync-ratchet/quarantine/ now.',
    road: [
      'Compare sha256sum on serverA with the name. If it differs there too, the file is damaged on serverA: see restic check,',
      'restic repair. If it is right there, it was damaged on the way: the next night tries again.',
    ],
  },
  'not-delivered': {
    means: 'serverA listed a file and did not deliver it.',
    road: ['Look whether the file can be read on serverA (owner, mode, disk errors: dmesg). The next night tries again.'],
  },
  unrequested: {
    means: 'serverA sent a file that nobody asked for. It was thrown away.',
    road: ['An honest rsync never does that: look at the rsync program on serverA.'],
  },
  unfinished: {
    means: 'The time of timeouts.run was over before everything had come.',
    road: ['Nothing to do if this is a first copy: each night goes on where the last one stopped. Otherwise raise timeouts.run.'],
  },
};
