/** What a timer needs besides being switched on: to live without its user, and to write where the replica is. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { lingers } from '../doctor/schedule.ts';
import { briefly } from '../programs/briefly.ts';
import { ifThere } from '../state/files.ts';
import { unitWord } from './night-lines.ts';
import type { Copied } from './nights.ts';
import { makeHis, mine, putHis, type Place } from './place.ts';
import type { Talk } from './talk.ts';
import { systemctl } from './ways.ts';

const patience = 30_000;

/** Lets a user's timers go on without him, where he wants that. */
export async function lingering(talk: Talk, { user }: Place, interrupt: AbortSignal): Promise<void> {
  if (lingers(user)) return;
  talk.say(
    `  Without "lingering" your own systemd ends when ${user} logs out, and starts nights only while he is logged in.`,
  );
  const command = `loginctl enable-linger ${user}`;
  if (!(await talk.questions.agrees(`Let it go on (${command})?`, true))) return;
  talk.step(command);
  await briefly('loginctl', ['enable-linger', user], patience, interrupt);
  interrupt.throwIfAborted();
  if (!lingers(user)) talk.warn(`it was refused; as root: ${command}`);
}

/** Lets the system's unit write where the replica is; why it may not, in words, or undefined. */
export async function opened(
  talk: Talk,
  place: Place,
  { name, replica }: Copied,
  timer: string,
  interrupt: AbortSignal,
): Promise<string | undefined> {
  const unit = timer.replace(/\.timer$/, '.service');
  const shown = await briefly(
    'systemctl',
    ['show', '--property=ReadWritePaths', '--value', '--', unit],
    patience,
    interrupt,
  );
  const open = shown.stdout.split(' ').map((path) => path.replace(/^[-+]+/, ''));
  if (open.some((path) => path.startsWith('/') && isWithin(replica, path))) return undefined;
  const file = join(place.units, `${unit}.d`, `${name}.conf`);
  const lines = ['[Service]', `ReadWritePaths=${unitWord(replica)}`];
  if (ifThere(() => readFileSync(file, 'utf8')) === `${lines.join('\n')}\n`) return undefined;
  talk.say(
    `  ${unit} may write in ${open.filter((path) => path !== '').join(', ') || 'its state alone'}, and not where the replica is. As ${file}:`,
  );
  for (const line of lines) talk.say(`      ${line}`);
  if (!(await talk.questions.agrees('Write it?', true))) return `${unit} may not write to ${replica}`;
  makeHis(mine(place), dirname(file), 0o755);
  putHis(mine(place), file, `${lines.join('\n')}\n`, 0o644);
  await systemctl(['daemon-reload'], interrupt);
  return undefined;
}

const isWithin = (path: string, folder: string): boolean => !relative(folder, path).startsWith('..');
