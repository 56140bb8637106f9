/** A serverA that does with its channels what no sshd does: ends them before their turn, lets one wait for another, exchanges what they say. */
import { after, before } from 'node:test';
import { suiteOf } from '../../support/hostile/attack.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import { rsyncDecides, type Attack } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

/** A night in which what stands before its turn is four channels: three dry runs, the spot check. */
const night = { crime: false, spotCheck: 3 } as const;
/** Whether one that has ended is noticed before its turn comes, and opened anew, is a matter of moments. */
const either = [0, 1];
/** Each of the two that were opened first says what the other one's rsync says. */
const exchange = (first: number, second: number): string =>
  `case $start in ${first}) other=${second} ;; ${second}) other=${first} ;; *) other= ;; esac; [ -z "$other" ] || { mkfifo starts/said-$start; until [ -e starts/said-$other ]; do sleep 0.01; done; cat starts/said-$start & exec >starts/said-$other; }`;

const channels: readonly Attack[] = [
  { name: 'each ends when it is opened', ...night, channel: 'exit 0', exits: [1], says: /^the audit failed: rsync exit code 12\b/ },
  { name: 'each ends when it is opened, as if it had been refused', rare: true, ...night, channel: 'exit 255', exits: [1], says: /^the audit failed: rsync exit code 255\b/ },
  { name: 'those that are opened before their turn end', ...night, channel: '[ $start -gt 4 ] || exit 0', exits: either },
  { name: 'those that are opened before their turn are refused', rare: true, ...night, channel: '[ $start -gt 4 ] || exit 255', exits: either },
  { name: 'the one of the spot check is never granted', ...night, channel: 'case " $* " in *" --from0 "*) exit 255 ;; esac', exits: [1], says: /^the fetch failed: rsync exit code 255\b/ },
  { name: 'one begins when the one before has ended', ...night, channel: 'exec 9>starts/turn; flock 9', stall: '4s', exits: either },
  { name: 'two say what the other one would', ...night, channel: exchange(1, 2), stall: '2s', exits: [1] },
  { name: 'another two do', rare: true, ...night, channel: exchange(3, 4), stall: '2s', exits: [1] },
  { name: 'the snapshots are answered with packs', ...night, calls: { 1: { pass: 'data' } }, exits: rsyncDecides },
  { name: 'the packs are answered with snapshots', rare: true, ...night, calls: { 3: { pass: 'snapshots' } }, exits: rsyncDecides },
  { name: 'snapshots and packs are exchanged', rare: true, ...night, calls: { 1: { pass: 'data' }, 3: { pass: 'snapshots' } }, exits: rsyncDecides },
];

suiteOf('channels', () => stage, channels, 3);
