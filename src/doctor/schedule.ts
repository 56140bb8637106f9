/** Who starts a night: cron or a timer. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask.ts';
import { type Verdict, good, startsUs, warning } from './checkup.ts';

/** A crontab that is ours to read, or a timer. */
export async function schedule(signal: AbortSignal): Promise<Verdict> {
  const files = [
    '/etc/crontab',
    ...filesIn('/etc/cron.d'),
    ...filesIn('/etc/cron.daily'),
    ...filesIn('/var/spool/cron/crontabs'),
  ];
  const file = files.find((one) => startsUs(readIfPossible(one)));
  if (file !== undefined) return good(file);
  const askable = [
    ['crontab', '-l'],
    ['systemctl', 'list-timers', '--all', '--no-pager'],
    ['systemctl', '--user', 'list-timers', '--all', '--no-pager'],
  ] as const;
  for (const [program, ...args] of askable) {
    if (startsUs((await ask(program, args, signal)).stdout)) return good([program, ...args.slice(0, 2)].join(' '));
  }
  return warning(
    'no crontab and no timer starts a night',
    'systemctl enable --now rsync-ratchet.timer rsync-ratchet-flush.timer, or copy the cron sample to /etc/cron.d: scripts/cron.d/rsync-ratchet, of the Debian package /usr/share/doc/rsync-ratchet/examples/cron.d/rsync-ratchet',
  );
}
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return []; // not there, or not ours to read
  }
}
function readIfPossible(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
