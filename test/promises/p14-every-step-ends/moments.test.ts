/** Whenever serverA falls silent, or goes: in each of the night's calls, at each moment of the dialogue. */
import { after, before } from 'node:test';
import { suiteOf } from '../../support/hostile/attack.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import type { Act, Attack } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

/** The calls of a night with a spot check and something new, and what the failure of each is called. */
const calls: readonly (readonly [name: string, failure: string])[] = [
  ['the dry run of the snapshots', 'audit'], ['the dry run of the rest', 'audit'], ['the dry run of the packs', 'audit'], ['the spot check', 'fetch'], ['the fetch', 'fetch'],
];
/** As sender.mjs comes to them. */
const moments = ['connect', 'preamble', 'filters', 'list', 'listed', 'asked', 'file', 'done 1', 'done 2', 'done 3', 'stats', 'end'];

/** One of the calls, at one of the moments; `each`: those that are tried in each run, the others before a release. */
function atEach(act: Act, each: readonly string[], expected: (failure: string, moment: string) => Omit<Attack, 'name'>): Attack[] {
  return calls.flatMap(([call, failure], n) =>
    moments.filter((moment) => failure === 'fetch' || moment !== 'file').map((moment): Attack => {
      const name = `in ${call}: ${moment}`;
      return { name, rare: !each.includes(name), crime: false, spotCheck: 3, calls: { [n + 1]: { acts: { [moment]: [act] } } }, heals: true, ...expected(failure, moment) };
    }));
}

const silence = atEach({ hour: true, hang: true }, ['in the dry run of the rest: connect', 'in the dry run of the packs: done 1', 'in the spot check: connect', 'in the spot check: end', 'in the fetch: done 2'],
  (failure) => ({ clock: 'stall', exits: [1], says: new RegExp(`^the ${failure} failed: rsync made no progress for timeouts\\.stall`) }));

suiteOf('silence', () => stage, silence, 6);

/** With the code for "all is well": behind the last word that is the truth. */
const goes = atEach({ exit: 0 }, ['in the dry run of the packs: stats', 'in the spot check: file', 'in the fetch: done 1'],
  (failure, moment) => (moment === 'end' ? { exits: [0], heals: false } : { exits: [1], says: new RegExp(`^the ${failure} failed: rsync exit code 12\\b`) }));

suiteOf('it goes', () => stage, goes, 2);
