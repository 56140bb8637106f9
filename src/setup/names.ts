/** What is to be protected: its name, and where it is. */
import { namePattern } from '../config/repository-schema.ts';
import { parseSource } from '../config/source.ts';
import type { Source } from '../config/types.ts';
import { namesIn } from './entry.ts';
import type { Place } from './place.ts';
import type { Talk } from './talk.ts';
import type { Wishes } from './wishes.ts';

/** Where the repository is, as typed and as it is read. */
export interface Origin {
  readonly text: string;
  readonly source: Source;
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

/** Where restic's repository is. */
export async function sourceOf({ questions }: Talk, { source }: Wishes): Promise<Origin> {
  const text = await questions.answer(
    {
      option: '--source',
      why: "Where restic's repository is: user@serverA:/ (behind rrsync / is its folder), sftp://user@serverA/path where that account has only sftp, or a folder of this machine.",
      text: 'Source',
      fault: (answer) => {
        const parsed = parseSource(answer);
        return 'wrong' in parsed ? parsed.wrong : undefined;
      },
    },
    source,
  );
  const parsed = parseSource(text);
  if ('wrong' in parsed) throw new Error('unreachable: the answer was looked at');
  return { text, source: parsed.value };
}
