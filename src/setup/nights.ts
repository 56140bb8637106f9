/** Who starts the nights: systemd's timer, or cron. */
import { existsSync } from 'node:fs';
import { schedule } from '../doctor/schedule.ts';
import { Failure } from '../errors.ts';
import { briefly } from '../programs/briefly.ts';
import type { Place } from './place.ts';
import type { Talk } from './talk.ts';

const timers = ['rsync-ratchet.timer', 'rsync-ratchet-flush.timer'];

/** Switches the timer on, or prints the line for cron. */
export async function startNights(talk: Talk, place: Place, replica: string, interrupt: AbortSignal): Promise<void> {
  talk.title('Every night');
  const found = await schedule(interrupt);
  if (found.standing === 'good') talk.already(`a night is started by ${found.words}`);
  else if (place.byRoot && existsSync('/run/systemd/system')) await switchOn(talk, replica, interrupt);
  else cronLine(talk, place);
}

async function switchOn(talk: Talk, replica: string, interrupt: AbortSignal): Promise<void> {
  const command = `systemctl enable --now ${timers.join(' ')}`;
  if (!(await talk.questions.agrees(`Switch on ${timers.join(' and ')}?`, true))) {
    talk.warn(`no night is started: ${command}`);
    return;
  }
  talk.step(command);
  const { code, stderr } = await briefly('systemctl', ['enable', '--now', ...timers], 60_000, interrupt);
  if (code !== 0)
    throw new Failure(`the timers could not be switched on: ${stderr}`, `are the units there? ${command}`);
  if (!replica.startsWith('/srv/replica/'))
    talk.warn(
      `the unit may write below /srv/replica alone: systemctl edit rsync-ratchet.service, and there [Service] ReadWritePaths=${replica}`,
    );
  talk.done('systemd starts the nights: systemctl list-timers rsync-ratchet.timer');
}

/** For who has no systemd, and for an ordinary user, whose own units there are none. */
function cronLine(talk: Talk, { byRoot, user, config }: Place): void {
  const command = `rsync-ratchet --config ${config} --quiet`;
  talk.warn(byRoot ? 'no systemd runs here; as the file /etc/cron.d/rsync-ratchet:' : 'add this with crontab -e:');
  const who = byRoot ? ` ${user}` : '';
  talk.say(`PATH=/usr/local/bin:/usr/bin:/bin`);
  talk.say(`27 1 * * *${who} umask 077; ${command} sync`);
  talk.say(`*/15 * * * *${who} umask 077; ${command} alert flush`);
}
