/** The ways by which nights can be switched on: systemd's timers, a user's own systemd, a crontab, a file of cron's. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cronRuns } from '../doctor/schedule.ts';
import { Failure } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { briefly } from '../programs/briefly.ts';
import { addToCrontab, addToCronFile, readCrontab } from './crontab.ts';
import { cronLines, userUnits, type Nightly } from './night-lines.ts';
import { makeHis, mine, putHis, type Place } from './place.ts';

/** One of them, as it is said before it is done. */
interface Way {
  readonly what: string;
  readonly lines: readonly string[];
  readonly question: string;
  /** What is said while it is done. */
  readonly doing: string;
  /** Throws Failure where it cannot be done. */
  readonly act: () => Promise<void> | void;
}

const patience = 60_000;
const flushTimer = 'rsync-ratchet-flush.timer';

/** The way that there is here; else why there is none. */
export async function wayOf(place: Place, nightly: Nightly, interrupt: AbortSignal): Promise<Way | string> {
  const answers = async (...args: readonly string[]): Promise<boolean> =>
    (await briefly('systemctl', args, patience, interrupt)).code === 0;
  if (place.byRoot) {
    const hasUnits = existsSync('/run/systemd/system') && (await answers('cat', 'rsync-ratchet.timer', flushTimer));
    if (hasUnits && nightly.config === undefined) return timers(nightly, interrupt);
    if (!cronRuns())
      return `${hasUnits ? 'the units know the usual configuration alone' : 'neither systemd with the units of the package'}, and no cron runs on this machine`;
    return fileOfCron(place, nightly);
  }
  if (await answers('--user', 'show', '--property=Version')) return ownTimers(place, nightly, interrupt);
  return cronRuns()
    ? ownCrontab(place, nightly, interrupt)
    : `no systemd of ${place.user} answers (systemctl --user), and no cron runs on this machine`;
}

function timers({ names: [name] }: Nightly, interrupt: AbortSignal): Way {
  const units = [name === undefined ? 'rsync-ratchet.timer' : `rsync-ratchet@${name}.timer`, flushTimer];
  return {
    what: "systemd's timers start a night at 01:27, and every 15 minutes what sends alerts that wait:",
    lines: units,
    question: 'Switch them on?',
    doing: `systemctl enable --now ${units.join(' ')}`,
    act: () => systemctl(['enable', '--now', ...units], interrupt),
  };
}

/** Units that are there already stay as they are. */
function ownTimers(place: Place, nightly: Nightly, interrupt: AbortSignal): Way {
  const units = Object.entries(userUnits(nightly)).map(([name, text]) => ({ path: join(place.units, name), text }));
  const enabled = ['rsync-ratchet.timer', flushTimer];
  return {
    what: 'Your own systemd can start a night at 01:27, and every 15 minutes what sends alerts that wait, by these units:',
    lines: units.map(({ path }) => path),
    question: 'Write those that are not there, and switch them on?',
    doing: `systemctl --user enable --now ${enabled.join(' ')}`,
    act: async () => {
      makeHis(mine(place), place.units, 0o755);
      for (const { path, text } of units) if (!existsSync(path)) putHis(mine(place), path, text, 0o644);
      await systemctl(['--user', 'daemon-reload'], interrupt);
      await systemctl(['--user', 'enable', '--now', ...enabled], interrupt);
    },
  };
}

async function ownCrontab({ user }: Place, nightly: Nightly, interrupt: AbortSignal): Promise<Way | string> {
  const text = cronLines(nightly);
  const before = await readCrontab(user, interrupt);
  if (before.wrong !== undefined) return before.wrong;
  return {
    what: 'Cron can start a night at 01:27, and every 15 minutes what sends alerts that wait, by two more lines in your crontab; the others stay as they are:',
    lines: linesOf(text),
    question: 'Add them?',
    doing: 'adding them with crontab(1)',
    act: () => addToCrontab(user, text, interrupt),
  };
}

function fileOfCron(place: Place, nightly: Nightly): Way {
  const path = '/etc/cron.d/rsync-ratchet';
  const text = cronLines(nightly, place.user);
  return {
    what: `Cron can start a night at 01:27, and every 15 minutes what sends alerts that wait, by these lines in ${path}${existsSync(path) ? '; the others stay as they are' : ''}:`,
    lines: linesOf(text),
    question: 'Write them?',
    doing: `writing ${path}`,
    act: () => {
      addToCronFile(place, path, text);
    },
  };
}

const linesOf = (text: string): string[] => text.trimEnd().split('\n');

/** Throws Failure, with what it said. */
export async function systemctl(args: readonly string[], interrupt: AbortSignal): Promise<void> {
  const { code, stderr } = await briefly('systemctl', args, patience, interrupt);
  if (code !== 0) throw new Failure(`systemctl ${args.join(' ')}: ${escapeText(stderr)}`, 'see systemctl status');
}
