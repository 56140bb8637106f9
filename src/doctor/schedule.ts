/** Who starts a night: cron or a timer. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { ask } from './ask.ts';
import { type Verdict, good, warning } from './checkup.ts';
import { nightsOfCrontab, nightsOfScript, nightsOfTimers, startersOf, unitsOf, type Starter } from './starters.ts';

/** What starts nights of these repositories, root's and our own; any configuration that it names is taken for ours. */
export async function schedule(names: readonly string[], signal: AbortSignal): Promise<Verdict> {
  const all = await findStarters(signal);
  return scheduleOf(
    all.filter(({ user }) => ['root', ourName()].includes(user)),
    names,
  );
}

/** The verdict on what was found. */
export function scheduleOf(ours: readonly Starter[], names: readonly string[]): Verdict {
  const forgotten = names.filter((name) => startersOf(ours, name).length === 0);
  if (ours.length === 0 || (forgotten.length > 0 && forgotten.length === names.length))
    return warning(
      'no crontab and no timer starts a night',
      'rsync-ratchet setup switches one on; or systemctl enable --now rsync-ratchet.timer rsync-ratchet-flush.timer, or the cron sample in /etc/cron.d: scripts/cron.d/rsync-ratchet, of the Debian package /usr/share/doc/rsync-ratchet/examples/cron.d/rsync-ratchet',
    );
  if (forgotten.length > 0)
    return warning(
      `no crontab and no timer starts a night of ${forgotten.join(', ')}`,
      `rsync-ratchet setup --name ${forgotten[0] ?? ''}`,
    );
  const able = ours.filter(({ missing }) => missing === undefined);
  const unable = names.find((name) => startersOf(able, name).length === 0);
  const [lame] = unable === undefined ? [] : startersOf(ours, unable);
  if (lame?.missing !== undefined) return warning(lame.missing[0], lame.missing[1]);
  return good([...new Set(able.map(({ where }) => where))].join(', '));
}

/** All that starts nights here. `user`: whose crontab is looked into besides our own, which only root may. */
export async function findStarters(signal: AbortSignal, user = ourName()): Promise<Starter[]> {
  const crontabs = [...new Set([ourName(), user])].map(async (one) => {
    const [program, ...args] = ['crontab', ...(one === ourName() ? [] : ['-u', one]), '-l'] as const;
    const { stdout } = await ask(program, args, signal);
    return { where: [program, ...args].join(' '), nights: nightsOfCrontab(stdout, one) };
  });
  const files = [
    ...['/etc/crontab', ...filesIn('/etc/cron.d')].map((where) => ({ where, nights: nightsOfCrontab(read(where)) })),
    ...filesIn('/etc/cron.daily').map((where) => ({ where, nights: nightsOfScript(read(where)) })),
  ];
  const cron = [...files, ...(await Promise.all(crontabs))].flatMap(({ where, nights }) =>
    nights.map((night) => ({ where, by: 'cron' as const, ...night, ...(!cronRuns() && { missing: noCron }) })),
  );
  return [...cron, ...(await timers(undefined, signal)), ...(await userTimers(signal))];
}

const noCron = [
  'a line for cron is there, but no cron runs on this machine',
  'apt-get install cron; service cron start',
] as const;

/** `manager`: whose own systemd is asked, in place of the system's. */
async function timers(manager: string | undefined, signal: AbortSignal): Promise<Starter[]> {
  const whose = manager === undefined ? [] : ['--user'];
  const show = async (properties: string, names: readonly string[]): Promise<string> =>
    (await ask('systemctl', [...whose, 'show', `--property=${properties}`, '--', ...names], signal)).stdout;
  const found = await show('Id,Unit,ActiveState,UnitFileState', ['*.timer']);
  const services = unitsOf(found).flatMap(({ Unit }) => Unit ?? []);
  return services.length === 0 ? [] : nightsOfTimers(found, await show('Id,ExecStart,User', services), manager);
}

/** A user's timers live as long as he is logged in, unless he lingers. */
async function userTimers(signal: AbortSignal): Promise<Starter[]> {
  const user = ourName();
  const found = await timers(user, signal);
  if (lingers(user)) return found;
  return found.map((one) => ({
    ...one,
    missing: one.missing ?? [`nights are started only while ${user} is logged in`, `loginctl enable-linger ${user}`],
  }));
}

/** The name of who we are; his number where he has none. */
function ourName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

/** Whether his own systemd runs without him (loginctl enable-linger). */
export function lingers(user: string): boolean {
  return existsSync(`/var/lib/systemd/linger/${user}`);
}

const daemons = ['cron', 'crond', 'fcron'];

/** Whether a cron is at work; where other users' processes are hidden from us, it is believed. */
export function cronRuns(): boolean {
  if (read('/proc/1/comm') === '') return true;
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && daemons.includes(read(`/proc/${name}/comm`).trim()));
}

/** As cron takes them: no name with a dot. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[\w-]+$/.test(name))
      .map((name) => join(folder, name));
  } catch {
    return []; // not there, or not ours to read
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
