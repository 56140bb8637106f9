/** Where the copy will lie, what proves it, and who is told. */
import { existsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { briefly } from '../programs/briefly.ts';
import { ifThere, isWritable } from '../state/files.ts';
import { hasMail } from './entry.ts';
import { called } from './host-key.ts';
import { asHim, putHis, type Place } from './place.ts';
import type { Talk } from './talk.ts';
import type { Wishes } from './wishes.ts';

/** The folder of the copy. */
export async function askReplica(
  { questions }: Talk,
  place: Place,
  name: string,
  { replica }: Wishes,
): Promise<string> {
  return questions.answer(
    {
      option: '--replica',
      why: 'Where the copy will lie on this machine. It can only grow: a disk with room; if that is a disk of its own, mount it first.',
      text: 'Replica',
      usual: join(place.replicas, name),
      fault: replicaFault,
    },
    replica,
  );
}

/** What is wrong with a place for the copy, before anything is made there. */
function replicaFault(path: string): string | undefined {
  if (!isAbsolute(path)) return 'an absolute path, such as /srv/replica/nightly';
  const there = standing(path);
  if (!statSync(there).isDirectory()) return `${there} is no folder`;
  return isWritable(there) ? undefined : `nothing can be made in ${there}`;
}

/** The path itself, or what is there of those above it. */
function standing(path: string): string {
  try {
    statSync(path);
    return path;
  } catch {
    return standing(dirname(path)); // not there, below a file, or hidden from us: the root is neither
  }
}

/** A file with the repository's password; undefined where there is to be none. */
export async function askPassword(
  talk: Talk,
  place: Place,
  name: string,
  { passwordFile }: Wishes,
): Promise<string | undefined> {
  if (passwordFile !== undefined) return usable(place, resolve(passwordFile));
  const file = join(place.folder, `${name}.password`);
  if (existsSync(file)) {
    talk.already(`the password is in ${file}`);
    return file;
  }
  const cost =
    'without the password only hashes are proven: what has a right hash and is junk comes in, and deletions are not proven';
  if (!talk.questions.isAsking) {
    talk.warn(`no --password-file: ${cost}`);
    return undefined;
  }
  talk.say();
  talk.say(
    "The repository's password lets restic itself prove every night what comes in, in a box without a network. It is kept here, closed to others.",
  );
  for (;;) {
    const password = await talk.questions.secret('Password (not shown; Enter for none)');
    if (password !== '') {
      talk.step(`writing it to ${file} (0600)`);
      putHis(place, file, `${password}\n`, 0o600);
      return file;
    }
    talk.warn(cost);
    if (await talk.questions.agrees('Go on without?', false)) return undefined;
  }
}

/** Whether another password was typed, after something has failed that may have failed for a wrong one. */
export async function askPasswordAgain(talk: Talk, place: Place, file: string | undefined): Promise<boolean> {
  if (file === undefined) return false;
  if (!talk.questions.isAsking) {
    talk.say(
      `      if the password is wrong: install -o ${place.user} -m 0600 /dev/stdin ${file}, then type the right one`,
    );
    return false;
  }
  const password = await talk.questions.secret(
    'If the password is wrong, the right one (not shown; Enter if it is not that)',
  );
  if (password === '') return false;
  talk.step(`writing it to ${file}`);
  putHis(place, file, `${password}\n`, 0o600);
  return true;
}

/** He who runs the nights must be able to read it, and nobody else. */
async function usable(place: Place, file: string): Promise<string> {
  if (((ifThere(() => statSync(file))?.mode ?? 0) & 0o007) !== 0)
    throw new UsageError(`--password-file ${file} is open to others`, `chmod o-rwx ${file}. Nothing was changed`);
  if ((await briefly(...called(asHim(place, ['test', '-r', file])), 10_000)).code === 0) return file;
  throw new UsageError(
    `--password-file ${file} is not there, or ${place.user} cannot read it`,
    `install -o ${place.user} -m 600 /dev/stdin ${file}, then type the password, Enter and Ctrl-D; its folder must let ${place.user} in, as ${place.folder} does. Nothing was changed`,
  );
}

/** Who gets mail; undefined for nobody, and where it is configured already. */
export async function askMail(talk: Talk, place: Place, { mailTo }: Wishes): Promise<string | undefined> {
  if (hasMail(place)) {
    talk.already('mail is configured (alerts.email)');
    return undefined;
  }
  const to = await talk.questions.answer(
    {
      option: '--mail-to',
      why: 'Who is told when something is wrong, by mail through the mail server of this machine. Several with commas; - for nobody.',
      text: 'Mail to',
      usual: '-',
      fault: (answer) =>
        answer === '-' || answer.split(',').every((one) => /^\s*[^\s@,<>]+@[^\s@,<>]+\s*$/.test(one))
          ? undefined
          : 'an address such as ops@example.org',
    },
    mailTo,
  );
  if (to !== '-') return to;
  talk.warn('nobody is told of an alarm but by exit codes; add alerts.email later');
  return undefined;
}
