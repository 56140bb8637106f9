/**
 * The first hour: from nothing to a protected repository. Every step is said before it is done, changes nothing that is right
 * already, and can be broken off: started again, it goes on from what is there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, exitCodes } from '../errors.ts';
import { runOurselves, askOurselves } from '../programs/ourselves.ts';
import { findEntry, writeEntry, type Standing } from './entry.ts';
import { startNights } from './nights.ts';
import { askReplica, askPassword, askPasswordAgain, askMail } from './answers.ts';
import { makeHis, placeOf, type Place } from './place.ts';
import { examine } from './examined.ts';
import { nameOf } from './names.ts';
import { reached, wayThere } from './serverA.ts';
import type { Talk } from './talk.ts';
import type { Wishes } from './wishes.ts';

/** How long a question to another command of ours may take, in milliseconds. */
const patience = 600_000;

/** All of it; the exit code. Throws UsageError, Failure or Interrupted where it cannot go on. */
export async function setUp(
  talk: Talk,
  wishes: Wishes,
  config: string | undefined,
  interrupt: AbortSignal,
): Promise<number> {
  const place = await placeOf(config, process.env);
  talk.say(
    `The nights will run as ${place.user}; the configuration is ${place.config}. Ctrl-C breaks off at any time, and the same command goes on.`,
  );
  try {
    return await allParts(talk, place, wishes, interrupt);
  } catch (error) {
    talk.stopped();
    throw error;
  }
}

async function allParts(talk: Talk, place: Place, wishes: Wishes, interrupt: AbortSignal): Promise<number> {
  makeHis(place, place.folder, 0o750);
  if (place.state !== undefined) makeHis(place, place.state, 0o700);
  const name = await nameOf(talk, place, wishes);
  const standing = findEntry(place, name, wishes);
  if (standing !== undefined) talk.already(`${name} is in ${place.config}: it stays as it is`);
  const entry = standing ?? (await newEntry(talk, place, name, wishes, interrupt));
  talk.finish('the way to serverA');
  talk.finish('the configuration');

  const isCopied = await hasCopy(place, name, entry.replica, interrupt);
  await initialised(talk, place, name, entry, isCopied, interrupt);
  talk.finish('the replica');
  await examine(talk, place, name, interrupt);
  await copied(talk, place, name, isCopied, interrupt);
  talk.finish('the first copy');
  const isTold = await told(talk, place, name, interrupt);
  if (isTold) talk.finish('the test alert');
  const missing = await startNights(talk, place, { name, replica: entry.replica }, interrupt);
  return closing(talk, name, entry.replica, missing, isTold);
}

/** What may be said at the end; the exit code. `missing`: why nothing starts its nights. */
function closing(talk: Talk, name: string, replica: string, missing: string | undefined, isTold: boolean): number {
  talk.title(
    missing === undefined
      ? `${name} is protected: ${replica}`
      : `${name} is copied to ${replica}, and not protected yet: ${missing}`,
  );
  talk.say(
    `  how it stands: rsync-ratchet status   ·   before a prune on serverA: rsync-ratchet prune-window open ${name}`,
  );
  return missing === undefined && isTold ? 0 : exitCodes.warned;
}

/** Asks for all that is not known, and writes it down once serverA has shown the repository. */
async function newEntry(
  talk: Talk,
  place: Place,
  name: string,
  wishes: Wishes,
  interrupt: AbortSignal,
): Promise<Pick<Standing, 'replica' | 'passwordFile'>> {
  talk.title('Where the backups are');
  const { text, ssh } = await wayThere(talk, place, wishes);
  const replica = await askReplica(talk, place, name, wishes);
  const entry = await reached(talk, place, name, { source: text, replica, ...(ssh && { ssh }) }, interrupt);
  talk.finish('the way to serverA');

  talk.title('What proves them, and who is told');
  const passwordFile = await askPassword(talk, place, name, wishes);
  const mailTo = await askMail(talk, place, wishes);
  const whole = { ...entry, ...(passwordFile !== undefined && { restic: { passwordFile } }) };
  talk.title('The configuration');
  writeEntry(talk, place, name, whole, mailTo);
  return { replica, passwordFile };
}

async function initialised(
  talk: Talk,
  place: Place,
  name: string,
  { replica, passwordFile }: Pick<Standing, 'replica' | 'passwordFile'>,
  isCopied: boolean,
  interrupt: AbortSignal,
): Promise<void> {
  talk.title('The replica');
  if (isCopied) {
    talk.already(`${replica} is initialised`);
    return;
  }
  makeHis(place, replica, 0o700);
  const what = `making the replica ${replica}, and pinning config and keys`;
  const init = async (): Promise<void> => {
    try {
      await step(talk, place, interrupt, what, ['init', name]);
    } catch (error) {
      if (!(error instanceof Failure && (await askPasswordAgain(talk, place, passwordFile)))) throw error;
      await init();
    }
  };
  await init();
  if (await talk.questions.agrees('Compare them with serverA now or later. Go on?', true)) return;
  throw new Failure(
    'config or keys were not those of serverA',
    `nothing was copied. Whoever made them is on serverA; before another try: rm ${replica}/.rsync-ratchet/replica.json`,
  );
}

/** Whether the first copy is made, so config and keys were compared before. */
async function hasCopy(place: Place, name: string, replica: string, interrupt: AbortSignal): Promise<boolean> {
  if (!existsSync(join(replica, '.rsync-ratchet/replica.json'))) return false;
  const { repositories } = (await askOurselves([...configured(place), 'status', name], patience, interrupt)) as {
    repositories?: { lastSuccess: unknown }[];
  };
  return Boolean(repositories?.[0]?.lastSuccess);
}

async function copied(
  talk: Talk,
  place: Place,
  name: string,
  isCopied: boolean,
  interrupt: AbortSignal,
): Promise<void> {
  if (isCopied) talk.already('the first copy is made');
  else
    await step(
      talk,
      place,
      interrupt,
      'the first copy; it may take its time, and goes on where it was broken off',
      ['sync', name],
      [0, exitCodes.warned],
    );
}

/** Whether the mail went, where there is one to send. */
async function told(talk: Talk, place: Place, name: string, interrupt: AbortSignal): Promise<boolean> {
  if (findEntry(place, name, {})?.isTold !== true) {
    talk.warn('nobody is told of an alarm: neither alerts.email nor alerts.command is configured');
    return true;
  }
  talk.step('a test alert through the real transport (rsync-ratchet alert test)');
  const code = await runOurselves([...configured(place), 'alert', 'test']);
  interrupt.throwIfAborted();
  if (code !== 0)
    talk.warn('it did not go, see above: mend alerts in the configuration, then: rsync-ratchet alert test');
  return code === 0;
}

const configured = (place: Place): string[] => ['--config', place.config];

/** Another command of ours, which must end well. */
async function step(
  talk: Talk,
  place: Place,
  interrupt: AbortSignal,
  what: string,
  words: readonly string[],
  well: readonly number[] = [0],
): Promise<void> {
  talk.step(`${what} (rsync-ratchet ${words.join(' ')})`);
  const code = await runOurselves([...configured(place), ...words]);
  interrupt.throwIfAborted();
  if (!well.includes(code))
    throw new Failure(
      `rsync-ratchet ${words.join(' ')} ended with ${code}`,
      'mend what it says above, then start setup again: it goes on from here',
    );
}
