/** The journal of a give-back: its lines are the owner's to write, by another process where root cannot become him. */
import * as v from 'valibot';
import type { Config } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { startAs } from '../programs/another-process.ts';
import { State } from '../ratchet/state.ts';
import { asOwnerMeanwhile, canBecome, type AnotherProcess } from '../state/become.ts';
import type { JournalEvent } from '../state/chain.ts';
import { noteCommand } from '../state/handed.ts';
import { parseJson } from '../state/json-file.ts';

/** Writes a line. `another`: who the owner is, where root does not become him. Throws Failure when it is not written. */
export async function note(
  state: State,
  name: string,
  another: AnotherProcess | undefined,
  event: JournalEvent,
): Promise<void> {
  const write = (): Promise<string> => state.append(new Date(), event);
  if (another === undefined) await write();
  else if (canBecome()) await asOwnerMeanwhile(another.owner, write);
  else if ((await startAs(another, [noteCommand, name], JSON.stringify(event))) !== 0)
    throw new Failure(
      `${another.owner.name} could not write the journal of ${name}`,
      'see above; what is not in the journal is not done: nothing more was sent',
    );
}

const line = v.looseObject({ event: v.picklist(['give-back-begun', 'gave-back']) });

/** What the other process does with the line that it was given. Throws Failure when it is none. */
export async function noteGiven(config: Config, name: string, text: string): Promise<void> {
  await new State(config.state ?? '', name).append(new Date(), parseJson(text, 'stdin', line));
}
