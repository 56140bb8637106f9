/** `npm run torture -- [--rounds N] [--seed N]`: kills nights at random moments for as long as one likes, and says what it did. */
import { parseArgs } from 'node:util';
import { startServerA } from './support/night.ts';
import { randomFrom, Torture, type Round } from './support/torture.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string', default: String(Date.now() % 1e6) } } });
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed)) {
  console.error('usage: npm run torture -- [--rounds N] [--seed N]');
  process.exit(2);
}

const endings: (() => unknown)[] = [];
const done: Round[] = [];
console.log(`${rounds} rounds, seed ${seed}: a night with new data and an expiry, kill -9 at a random moment, then a run that must complete`);
const serverA = await startServerA();
try {
  const torture = await Torture.begin(serverA, { after: (ending) => { endings.push(ending); } }, randomFrom(seed));
  while (done.length < rounds) {
    const round = await torture.round();
    done.push(round);
    console.log(words(round));
  }
} catch (error) {
  console.error(`round ${done.length + 1} broke a promise (--seed ${seed} makes the same moments again):`, error);
  process.exitCode = 1;
} finally {
  await serverA.stop();
  for (const ending of endings.reverse()) await ending();
}
console.log(summary());

function words({ killedAfter, wasKilled, admitted, removed, completedIn }: Round): string {
  const end = wasKilled ? `killed after ${killedAfter} ms` : `ended before ${killedAfter} ms`;
  return `${String(done.length).padStart(5)}  ${end}, had admitted ${admitted} and removed ${removed} files; completed in ${Math.round(completedIn)} ms`;
}

function summary(): string {
  const killed = done.filter(({ wasKilled }) => wasKilled);
  const partly = killed.filter(({ admitted, removed }) => admitted + removed > 0);
  return `${done.length} rounds, ${killed.length} killed, ${partly.length} of them after the replica had begun to change; every next run completed: ${done.length === rounds}`;
}
