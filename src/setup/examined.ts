/** What doctor says, as setup hears it. */
import { Failure } from '../errors.ts';
import { counted } from '../figures.ts';
import { escapeText } from '../printable.ts';
import { askOurselves } from '../programs/ourselves.ts';
import type { Place } from './place.ts';
import type { Talk } from './talk.ts';

/** How long one look at everything may take, in milliseconds. */
const patience = 600_000;

/** One thing that doctor looked at. */
export interface Looked {
  readonly item: string;
  readonly standing: 'good' | 'warning' | 'bad';
  readonly message: string;
  readonly mend: string | null;
  readonly choices?: readonly string[];
}

/** What it finds with that configuration. */
export async function doctorOf(config: string, name: string, interrupt: AbortSignal): Promise<readonly Looked[]> {
  const { checkups } = (await askOurselves(['--config', config, 'doctor', name], patience, interrupt)) as {
    checkups: readonly Looked[];
  };
  return checkups;
}

/** What setup itself comes to later, or has said already. */
const ours = ['schedule', 'alerts'];

/** Everything that a night needs. Throws Failure where something is wrong. */
export async function examine(talk: Talk, place: Place, name: string, interrupt: AbortSignal): Promise<void> {
  talk.step(`looking at everything that a night needs (rsync-ratchet doctor ${name})`);
  const all = (await doctorOf(place.config, name, interrupt)).filter(({ item }) => !ours.includes(item));
  const doubtful = all.filter(({ standing }) => standing !== 'good');
  for (const { item, message, mend } of doubtful) {
    talk.warn(`${item}: ${escapeText(message)}`);
    talk.say(`      → ${mend ?? ''}`);
  }
  talk.done(`${counted(all.length - doubtful.length, 'thing')} looked at and right`);
  if (doubtful.some(({ standing }) => standing === 'bad'))
    throw new Failure(
      `${doubtful
        .filter(({ standing }) => standing === 'bad')
        .map(({ item }) => item)
        .join(', ')}: no night would work`,
      'mend what it says above, then start setup again: it goes on from here',
    );
}
