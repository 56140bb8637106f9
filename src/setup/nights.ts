/** Who starts the nights: found, or switched on where somebody agrees, and looked at once more before anything is claimed. */
import { defaultState } from '../config/file.ts';
import { asFailure } from '../errors.ts';
import { findStarters, scheduleOf } from '../doctor/schedule.ts';
import { startersOf, type Starter } from '../doctor/starters.ts';
import { nightPath, ownWords } from '../programs/ourselves.ts';
import { cronLines, type Nightly } from './night-lines.ts';
import type { Place } from './place.ts';
import type { Talk } from './talk.ts';
import { lingering, opened } from './unit.ts';
import { wayOf } from './ways.ts';

/** A repository that is to be copied every night. */
export interface Copied {
  readonly name: string;
  readonly replica: string;
}

/** Sees to it that nights are started; what is missing for that, in words, or undefined where nothing is. */
export async function startNights(
  talk: Talk,
  place: Place,
  copied: Copied,
  interrupt: AbortSignal,
): Promise<string | undefined> {
  talk.title('Every night');
  const before = await look(place, copied, interrupt);
  if (before.missing === undefined) talk.already(`nights are started by ${before.words}`);
  else if (!before.ours.some(({ by }) => by === 'cron'))
    await switchOn(talk, place, nightlyOf(place, copied.name, before.all), interrupt);
  const between = await look(place, copied, interrupt);
  const closed = await completed(talk, place, copied, between.ours, interrupt);
  const after = await look(place, copied, interrupt);
  const missing = after.missing ?? closed;
  if (missing === undefined && before.missing !== undefined) talk.done(`nights are started: ${after.words}`);
  return missing;
}

interface Looked {
  /** All that start nights of other repositories alone, or of ours. */
  readonly all: readonly Starter[];
  readonly ours: readonly Starter[];
  readonly words: string;
  readonly missing: string | undefined;
}

async function look(place: Place, { name }: Copied, interrupt: AbortSignal): Promise<Looked> {
  const config = place.isUsualConfig ? undefined : place.config;
  const found = await findStarters(interrupt, place.user);
  interrupt.throwIfAborted();
  const all = found.filter(
    (one) => one.config === config && [place.user, ...(place.byRoot ? ['root'] : [])].includes(one.user),
  );
  const ours = startersOf(all, name);
  const { standing, words, mend = '' } = scheduleOf(ours, [name]);
  const missing = ours.length === 0 ? words : `${words}: ${mend}`;
  return { all, ours, words, missing: standing === 'good' ? undefined : missing };
}

/** What a timer needs besides being switched on; why it has not got it, in words, or undefined. */
async function completed(
  talk: Talk,
  place: Place,
  copied: Copied,
  ours: readonly Starter[],
  interrupt: AbortSignal,
): Promise<string | undefined> {
  if (ours.some(({ by }) => by === 'user timer')) await lingering(talk, place, interrupt);
  const unit = ours.find(({ by }) => by === 'timer')?.unit;
  return unit === undefined || !place.byRoot ? undefined : opened(talk, place, copied, unit, interrupt);
}

async function switchOn(talk: Talk, place: Place, nightly: Nightly, interrupt: AbortSignal): Promise<void> {
  const way = await wayOf(place, nightly, interrupt);
  if (typeof way === 'string') {
    byHand(talk, place, nightly, way);
    return;
  }
  talk.say(`  ${way.what}`);
  for (const line of way.lines) talk.say(`      ${line}`);
  if (!(await talk.questions.agrees(way.question, true))) {
    byHand(talk, place, nightly, 'nothing was switched on');
    return;
  }
  try {
    talk.step(way.doing);
    await way.act();
  } catch (error) {
    interrupt.throwIfAborted();
    const { message, hint } = asFailure(error);
    byHand(talk, place, nightly, `${message}: ${hint}`);
  }
}

/** Where others are started by their names, this one is, too: else they would be started twice. */
function nightlyOf({ config, isUsualConfig, state }: Place, name: string, all: readonly Starter[]): Nightly {
  return {
    ...{
      program: ownWords(),
      path: nightPath(['rsync', 'ssh', 'restic', 'bwrap', 'sshfs']),
      config: isUsualConfig ? undefined : config,
    },
    ...{ state: state ?? defaultState(process.env), names: all.some(({ names }) => names.length > 0) ? [name] : [] },
  };
}

/** For who wants none of that, or has nothing that could do it. */
function byHand(talk: Talk, { byRoot, user }: Place, nightly: Nightly, why: string): void {
  talk.warn(why);
  talk.say(`  what is to be started, as lines ${byRoot ? 'of a file in /etc/cron.d' : 'for crontab -e'}:`);
  for (const line of cronLines(nightly, byRoot ? user : undefined)
    .trimEnd()
    .split('\n'))
    talk.say(line);
}
