/** The words for the rules of the night after the audit: what was fetched, what restic says, what leaves, how the replica is. */
import { acknowledge, restoreOnServerA } from './audit-rules.ts';
import type { RuleWords } from './rules.ts';

/** From what came with the wrong content to what this machine has damaged. */
export const nightRules = {
  quarantined: {
    means:
      "A file came with content that does not match its name. It lies in the replica's .rsync-ratchet/quarantine/ now.",
    road: [
      'Compare sha256sum on serverA with the name. If it differs there too, the file is damaged on serverA: see restic check,',
      'restic repair. If it is right there, it was damaged on the way: the next night tries again.',
      'Poison, of which an alarm has told (unproven), is not fetched again; it is a warning for as long as serverA lists it.',
    ],
  },
  'not-delivered': {
    means: 'serverA listed a file and did not deliver it.',
    road: [
      'Look whether the file can be read on serverA (owner, mode, disk errors: dmesg). The next night tries again.',
    ],
  },
  unrequested: {
    means: 'serverA sent a file that nobody asked for. It was thrown away.',
    road: ['An honest rsync never does that: look at the rsync program on serverA.'],
  },
  unfinished: {
    means:
      'The time of timeouts.run was over before everything had come, or that of timeouts.prove before restic had read all; or the run found something and then failed.',
    road: [
      'Nothing to do if this is a first copy: each night goes on where the last one stopped. If the time was too short, raise',
      'timeouts.run or timeouts.prove. If the run failed: what it found before stands; its failure is told beside it, and is to be mended as well.',
    ],
  },
  stale: {
    means: 'No new snapshot has come for as long as alerts.freshness allows, although nothing else was wrong.',
    road: [
      "Look whether the clients still back up: restic snapshots --latest 1 against serverA, and the clients' own logs.",
      'If they do, serverA shows an old state or withholds what is new: treat it as compromised until you know better.',
      'If backups pause on purpose, raise alerts.freshness.',
    ],
  },
  'no-room': {
    means: 'rsync.sandbox is auto, and bubblewrap does not work on this machine: rsync ran without a room of its own.',
    road: [
      'apt-get install bubblewrap, and allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_',
      'unprivileged_userns=0). rsync-ratchet doctor says whether it works. To do without for good, say rsync.sandbox: off.',
    ],
  },
  clock: {
    means: 'The clock of this machine has jumped, or the tool has not run for more than a week.',
    road: [
      'Look at the clock (date, timedatectl). If it is right, the next run goes on as usual; a refused window must be opened again.',
    ],
  },
  mtimes: {
    means: 'Very many files have a new modification time on serverA, with their old size.',
    road: [
      'An innocent cause: serverA was restored from another backup, or copied without keeping times.',
      'Those that were hashed are listed above if they were wrong. If the cause is innocent, take all new times over:',
      '  rsync-ratchet acknowledge REPO --accept-mtimes --reason "restored from tape"',
      '  and run: rsync-ratchet sync REPO. To be sure of every file, raise limits.suspects instead.',
      ...acknowledge,
    ],
  },
  'spot-check': {
    means: "serverA lists a file as unchanged, but its content is not what its name says. The replica's copy is right.",
    road: [
      'Either the disk of serverA rots (dmesg, smartctl, restic check --read-data there), or somebody changed it and hid that.',
      'Set spotCheck to a large number for one night to hash everything on serverA.',
      ...restoreOnServerA,
      ...acknowledge,
    ],
  },
  unproven: {
    means:
      'A new file has the right hash and is still poison: restic refuses it, or the repository with it. It is in quarantine.',
    road: [
      'Somebody with access to serverA made it, or a client with bad memory did. Look who wrote it (owner, time), and remove it there:',
      'an index with restic repair index, a pack with restic repair packs, each while a prune window is open here.',
      'Its name is remembered: acknowledged, it is a warning while serverA lists it. Until then new files wait in REPLICA/.rsync-ratchet/candidate/.',
      ...acknowledge,
    ],
  },
  'held-back': {
    means: 'A new snapshot needs a pack that is damaged or has not come. It waits; the rest was admitted.',
    road: [
      'See the warnings about packs in this mail. Mend the pack on serverA (restic repair, or run the backup again); the next night tries again.',
    ],
  },
  unconfirmed: {
    means: 'Files were deleted on serverA that restic still needs. They stay in the replica, without a due date.',
    road: [
      'If serverA was still pruning while we looked, the next night confirms by itself.',
      'If restic key passwd was run there, put the new password where restic.passwordFile or passwordCommand finds it: the next night confirms.',
      'If deleted snapshots were kept here for good, they need these files: keep them, too: rsync-ratchet tombstones keep REPO --all',
      'If not, somebody deleted files that snapshots need: treat it as an attack, and keep them: rsync-ratchet tombstones keep REPO --all',
    ],
  },
  postponed: {
    means: 'The grace of deleted files has passed, but they stay until the replica is found complete without them.',
    road: ['See what restic misses, above. To keep the files for good: rsync-ratchet tombstones keep REPO --all'],
  },
  'came-back': {
    means:
      'serverA lists files again that an operator has kept for good. The word stands: when they are gone once more, they stay here.',
    road: ['Nothing needs to be done if they were brought back on purpose (give-back, a restore). Told once.'],
  },
  'missing-pack': {
    means: 'An index names a pack that is not there. What lies in it cannot be restored until the pack has come.',
    road: [
      'Look whether serverA has the pack (data/, the path above) and can read it: its disk may be dying, or somebody moved it.',
      'If it is there again, the next night takes it, and the warning ends. For the first night index and snapshots wait; then',
      'they come in with this warning, because the rest of them is worth having.',
      'If it is lost, repair serverA: restic repair index, restic repair snapshots --forget (restic 0.16 or later), then a new',
      '  backup; first open a window here: rsync-ratchet prune-window open REPO --for 12h --reason "repair"',
    ],
  },
  unread: {
    means:
      'Files lie in the replica that restic has not read yet: of a first copy that took longer than timeouts.prove, of an existing copy',
    road: [
      'that was adopted, of nights without a password, or of a version of this program that did not read. Nothing needs to be done:',
      'each night reads on within timeouts.prove, a restic check counts too, and until all is read nothing expires.',
      'To read faster, raise timeouts.prove. What is found wrong is told as check-failed, and stays unread:',
      '  have serverA make it anew (restic repair index, repair packs) while a prune window is open here.',
    ],
  },
  unchecked: {
    means:
      'Fewer files of serverA were fetched and hashed tonight than spotCheck asks for: the disk of the replica has no room for them.',
    road: ['Make room on the disk of the replica; the next night checks again.'],
  },
  'check-failed': {
    means: 'restic check found the replica itself damaged or incomplete. Nothing was changed.',
    road: [
      'Look at the disk of this machine (dmesg, smartctl). Then find the damaged files, and have them fetched again:',
      '  rsync-ratchet scrub --repair REPO',
      'If scrub finds every file whole, something is missing (the next sync fetches it again) or was damaged before it was',
      '  backed up: ask restic check on serverA.',
    ],
  },
  'drill-failed': {
    means: 'Files of the replica, chosen at random, could not be restored as they were backed up. Nothing was changed.',
    road: [
      'Try it by hand: rsync-ratchet restic REPO -- restore latest --target FOLDER --include PATH, with the path above.',
      'Then look whether the replica is whole: rsync-ratchet check REPO, rsync-ratchet scrub REPO. If both find nothing, it was damaged',
      '  before it was backed up, or this restic is: restic check --read-data on serverA, and the same drill with another version of restic.',
      'It is tried again every night, or now: rsync-ratchet drill REPO',
    ],
  },
  damaged: {
    means:
      'Files of the replica are not what they were when they came. It was this machine that damaged them, not serverA.',
    road: [
      'Look at the disk of this machine (dmesg, smartctl). Then have them fetched again: rsync-ratchet scrub --repair REPO',
      'Only what hashes to its name gets in; the damaged copies stay in quarantine. What serverA cannot deliver either must come',
      'from another copy (its SHA-256 must be the name); restic check tells which snapshots need it.',
    ],
  },
  suspect: {
    means: 'Only the modification time differs on serverA; the content was fetched and hashed, or will be by sync.',
    road: [],
  },
} satisfies Readonly<Record<string, RuleWords>>;
