/** The way to serverA: our key, its host key, what it must allow; waited for until the repository is seen. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../config/config.ts';
import { keyLine } from '../doctor/remote.ts';
import { Failure } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { briefly } from '../programs/briefly.ts';
import { makeRunFolder, putIntoRunFolder, removeRunFolder } from '../programs/run-folder.ts';
import type { RemoteRepository } from '../programs/ssh-command.ts';
import type { Entry } from './entry.ts';
import { doctorOf, type Looked } from './examined.ts';
import { believeHost, called, Unreachable } from './host-key.ts';
import { originOf, portFault, sourceOf, type Origin } from './names.ts';
import { asHim, type Place } from './place.ts';
import type { Talk } from './talk.ts';
import type { Wishes } from './wishes.ts';

/** Where the repository is, and how we get there. */
interface Way {
  readonly text: string;
  readonly ssh: Entry['ssh'];
}

/** The key and the host key, made and believed, for the machine that is asked for until one answers; no ssh for a folder of this one. */
export async function wayThere(talk: Talk, place: Place, wishes: Wishes): Promise<Way> {
  for (let [given, before] = [wishes, undefined as Origin | undefined]; ;) {
    const origin = await sourceOf(talk, given, before?.text);
    try {
      return { text: origin.text, ssh: await waysIn(talk, place, origin, given) };
    } catch (error) {
      if (!(error instanceof Unreachable && talk.questions.isAsking)) throw error;
      talk.warn(`${escapeText(error.message)}. ${error.hint}`);
      [given, before] = [wishes.hostKey === undefined ? {} : { hostKey: wishes.hostKey }, origin];
    }
  }
}

async function waysIn(talk: Talk, place: Place, origin: Origin, wishes: Wishes): Promise<Entry['ssh']> {
  const { source } = origin;
  if (source.kind === 'local') return undefined;
  const told = await sshConfig(place, source.host);
  const port = await portOf(talk, origin, wishes, told.get('port'));
  talk.title('The way to serverA');
  const identityFile = join(place.folder, 'id_ed25519');
  if (existsSync(identityFile)) talk.already(`the key ${identityFile}`);
  else await makeKey(talk, place, identityFile);
  const door = { host: told.get('hostname') ?? source.host, port };
  const knownHostsFile = await believeHost(talk, place, door, wishes.hostKey);
  return {
    ...([String(port), told.get('port') ?? '22'].some((one) => one !== '22') && { port }),
    identityFile,
    knownHostsFile,
  };
}

/** What his ssh makes of a host: its configuration may have another name and port for it (ssh(1), -G). */
async function sshConfig(place: Place, host: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await briefly(...called(asHim(place, ['ssh', '-G', '--', host])), 30_000);
  return new Map([...stdout.matchAll(/^(hostname|port) (\S+)$/gm)].map(([, key = '', value = '']) => [key, value]));
}

async function portOf({ questions }: Talk, origin: Origin, { port }: Wishes, usual = '22'): Promise<number> {
  const question = { option: '--port', why: 'The port of sshd on serverA.', text: 'Port', usual, fault: portFault };
  return Number(await questions.answer(question, origin.port ?? port));
}

async function makeKey(talk: Talk, place: Place, file: string): Promise<void> {
  talk.step(`making a key, ${file}`);
  const { code, stderr } = await briefly(
    ...called(
      asHim(place, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', `rsync-ratchet of ${place.user}`, '-f', file]),
    ),
    30_000,
  );
  if (code !== 0)
    throw new Failure(
      `no key could be made: ${stderr}`,
      `may ${place.user} write in ${place.folder}? Then start setup again`,
    );
  talk.done(`${file}, and ${file}.pub`);
}

/**
 * Looks until the repository is seen through the entry, and says what is wrong meanwhile; the entry then, with another source
 * where one was chosen. Throws Failure where nobody can mend it.
 */
export async function reached(
  talk: Talk,
  place: Place,
  name: string,
  entry: Entry,
  interrupt: AbortSignal,
): Promise<Entry> {
  let tried = entry;
  for (let first = true; ; first = false) {
    talk.step(`looking for the repository at ${tried.source}`);
    const looked = await look(place, name, tried, interrupt);
    const wrong = looked.find(
      ({ item, standing }) => ['host key', 'connection', 'source'].includes(item) && standing === 'bad',
    );
    if (wrong === undefined) {
      talk.done(`${tried.source} is a restic repository`);
      for (const { message, mend } of looked.filter(({ item, standing }) => item === 'read-only' && standing === 'bad'))
        talk.warn(`${escapeText(message)}: ${mend ?? ''}`);
      return tried;
    }
    const choice = await chosen(talk, wrong.choices ?? []);
    if (choice !== undefined) tried = { ...tried, source: choice };
    else tried = { ...tried, source: await mended(talk, tried, wrong, first) };
  }
}

/** What doctor finds with a configuration of this entry alone, which only this process and the owner see. */
async function look(place: Place, name: string, entry: Entry, interrupt: AbortSignal): Promise<readonly Looked[]> {
  const folder = makeRunFolder();
  try {
    const text = JSON.stringify({ ...(place.state && { state: place.state }), repositories: { [name]: entry } });
    return await doctorOf(putIntoRunFolder(folder, 'config.yaml', text), name, interrupt);
  } finally {
    removeRunFolder(folder);
  }
}

/** Another source: several repositories lie behind what was given, or another one than was thought. */
async function chosen(talk: Talk, choices: readonly string[]): Promise<string | undefined> {
  const [only] = choices;
  if (only === undefined || !talk.questions.isAsking) return undefined;
  talk.say('  that folder is no repository, but holds:');
  choices.forEach((choice, n) => talk.say(`    ${n + 1}  ${choice}`));
  const number = await talk.questions.answer(
    {
      option: '--source',
      why: 'Which of them is it? (0: none; the others can be set up after this one)',
      text: 'Number',
      usual: '1',
      fault: (answer) =>
        /^\d+$/.test(answer) && Number(answer) <= choices.length ? undefined : `a number from 0 to ${choices.length}`,
    },
    undefined,
  );
  return choices[Number(number) - 1];
}

/** Says what is wrong and what serverA must allow, and waits for somebody to mend it, or to name another place there. */
async function mended(talk: Talk, entry: Entry, { message, mend, choices }: Looked, isFirst: boolean): Promise<string> {
  talk.warn(escapeText(message));
  const line = allowed(entry);
  if (isFirst && line !== undefined) {
    talk.say(
      "  In ~/.ssh/authorized_keys of that account on serverA, as one line, this lets the key read the repository's folder and nothing else:",
    );
    talk.say();
    talk.say(line);
    talk.say();
  }
  if (mend !== null && (!isFirst || line === undefined || choices !== undefined))
    talk.say(`    → ${escapeText(mend, 2000)}`);
  if (!talk.questions.isAsking)
    throw new Failure(
      `${entry.source} is not to be seen yet: ${message}`,
      `${mend ?? 'mend that'}; then start setup again: it goes on from here`,
    );
  const question = {
    option: '--source',
    why: 'Mend that, then press Enter to look again; or say where else on that machine the repository is.',
    text: 'Source',
    usual: entry.source,
    fault: (answer: string) => elsewhere(entry.source, answer),
  };
  return talk.questions.answer(question, undefined);
}

/** Key and host key are for one account of one machine. */
function elsewhere(before: string, answer: string): string | undefined {
  const [old, origin] = [originOf(before), originOf(answer)];
  if ('wrong' in origin) return origin.wrong;
  const door = (one: typeof old): string =>
    JSON.stringify('wrong' in one ? one : { ...one.source, path: '', port: one.port });
  return door(old) === door(origin)
    ? undefined
    : `that is another machine or account: Ctrl-C, and start setup again for it`;
}

/** The line of authorized_keys; undefined for a folder of this machine. */
function allowed(entry: Entry): string | undefined {
  const read = readConfig(JSON.stringify({ repositories: { x: entry } }), '/');
  const repository = 'problems' in read ? undefined : read.config.repositories[0];
  return repository === undefined || repository.source.kind === 'local'
    ? undefined
    : keyLine(repository as RemoteRepository);
}
