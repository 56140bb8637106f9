/** What is to be protected: its name, and where it is. */
import { namePattern } from '../config/repository-schema.ts';
import { parseSource } from '../config/source.ts';
import type { Source } from '../config/types.ts';
import { namesIn } from './entry.ts';
import type { Place } from './place.ts';
import type { Talk } from './talk.ts';
import type { Wishes } from './wishes.ts';

/** Where the repository is, as the configuration is to say it and as it is read. */
export interface Origin {
  readonly text: string;
  readonly source: Source;
  /** sshd's, where the address names it. */
  readonly port?: string;
}

/** The name; one that the configuration has is gone on with. */
export async function nameOf({ questions }: Talk, place: Place, { name }: Wishes): Promise<string> {
  const [first] = namesIn(place);
  const question = {
    option: '--name',
    why: 'A name for the repository: commands, mails and the journal use it. One that is in the configuration is gone on with.',
    text: 'Name',
    usual: first ?? 'nightly',
    fault: (text: string) =>
      new RegExp(namePattern).test(text)
        ? undefined
        : 'letters, digits, . _ - ; it begins with a letter or a digit, and has at most 64',
  };
  return questions.answer(question, name);
}

/** Where restic's repository is; `before` is what was answered already, and led nowhere. */
export async function sourceOf({ questions }: Talk, { source }: Wishes, before?: string): Promise<Origin> {
  const text = await questions.answer(
    {
      option: '--source',
      why: "Where restic's repository is: user@serverA:/ (behind rrsync / is its folder), ssh://user@serverA:2222/ where sshd listens on another port, sftp://user@serverA/path where that account has only sftp, or a folder of this machine.",
      text: 'Source',
      ...(before !== undefined && { usual: before }),
      fault: (answer) => {
        const origin = originOf(answer);
        return 'wrong' in origin ? origin.wrong : undefined;
      },
    },
    source,
  );
  const origin = originOf(text);
  if ('wrong' in origin) throw new Error('unreachable: the answer was looked at');
  return origin;
}

/** Reads it; the configuration has sshd's port beside an ssh source, so there the address may name it. */
export function originOf(typed: string): Origin | { wrong: string } {
  const [, account, port, path] = /^ssh:\/\/([^/]*?)(?::(\d{1,5}))?(\/.*)?$/.exec(typed) ?? [];
  const text = account === undefined ? typed : `${account}:${path ?? ''}`;
  const parsed = parseSource(text);
  if ('wrong' in parsed) return parsed;
  if (parsed.value.kind === 'ssh' && /^\d+:/.test(parsed.value.path))
    return { wrong: 'a port goes before the path like this: ssh://user@serverA:2222/path' };
  const own = port ?? (parsed.value.kind === 'sftp' ? parsed.value.port?.toString() : undefined);
  if (own !== undefined && portFault(own) !== undefined) return { wrong: `the port: ${portFault(own) ?? ''}` };
  return { text, source: parsed.value, ...(own !== undefined && { port: own }) };
}

/** What is wrong with a port, as typed. */
export function portFault(port: string): string | undefined {
  return /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535 ? undefined : 'a number from 1 to 65535';
}
