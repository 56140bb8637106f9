/** A crontab, read whole or left alone, and only ever made longer: a user's own through crontab(1), or a file in /etc/cron.d. */
import { lstatSync, readFileSync } from 'node:fs';
import { Failure } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { briefly } from '../programs/briefly.ts';
import { makeRunFolder, putIntoRunFolder, removeRunFolder } from '../programs/run-folder.ts';
import { ifThere } from '../state/files.ts';
import { crontabWith } from './night-lines.ts';
import { mine, putHis, type Place } from './place.ts';

const patience = 30_000;

/** What stands in our crontab, '' where there is none; or why that is not known. */
export async function readCrontab(
  user: string,
  interrupt: AbortSignal,
): Promise<{ text: string; wrong?: undefined } | { wrong: string }> {
  const { code, stdout, stderr } = await crontab(['-l'], interrupt);
  if (code === 0 && isWhole(stdout)) return { text: stdout === '' ? '' : `${stdout}\n` }; // briefly takes the last newline away
  // The code is 1 for no crontab as for any trouble: this whole line of cron 3.0 and of cronie is all that tells them apart.
  if (code === 1 && stdout === '' && stderr.trim() === `no crontab for ${user}`) return { text: '' };
  const why = code === 0 ? 'it is not UTF-8' : escapeText(stderr);
  return { wrong: `your crontab cannot be read, so it is left alone: ${why}` };
}

/** Adds lines at its end. Throws Failure where it cannot be read, where cron refuses it, or where something else stands there then. */
export async function addToCrontab(user: string, lines: string, interrupt: AbortSignal): Promise<void> {
  const before = await readCrontab(user, interrupt);
  if (before.wrong !== undefined) throw new Failure(before.wrong, 'add the lines by hand');
  const whole = crontabWith(before.text, lines);
  const folder = makeRunFolder();
  try {
    const { code, stderr } = await crontab([putIntoRunFolder(folder, 'crontab', whole)], interrupt);
    if (code !== 0) throw new Failure(`crontab refuses the lines: ${escapeText(stderr)}`, 'it was left as it is');
  } finally {
    removeRunFolder(folder);
  }
  const after = await readCrontab(user, interrupt);
  if (after.wrong !== undefined || after.text !== whole)
    throw new Failure('your crontab is not what was written there', 'look what it says now: crontab -l');
}

/** Adds lines at the end of a file of cron's, or makes it. Throws Failure where it is none that can be made longer. */
export function addToCronFile(place: Place, path: string, lines: string): void {
  const text = ifThere(() => readFileSync(path, 'utf8'));
  if (text !== undefined && !(isWhole(text) && lstatSync(path).isFile()))
    throw new Failure(`${path} is no plain file in UTF-8`, 'it was left as it is');
  const beginning = '# Made by rsync-ratchet setup: a night, and alerts that wait.\nMAILTO=root\n';
  putHis(mine(place), path, crontabWith(text ?? beginning, lines), 0o644);
}

/** Whether nothing was lost when bytes became text. */
const isWhole = (text: string): boolean => !text.includes('\ufffd');

/** In the language of its known line. */
function crontab(args: readonly string[], interrupt: AbortSignal): ReturnType<typeof briefly> {
  return briefly('env', ['LC_ALL=C', 'LANGUAGE=', 'crontab', ...args], patience, interrupt);
}
