/** restic, asked one question: here, or (asked.ts) in a process of its own, so that it can be another user's, in another room. */
import { Restic } from '../../src/programs/restic.ts';
import { passwordOf, type Password } from '../../src/programs/restic-password.ts';
import type { Answer, Road, Shown } from '../../src/programs/restic-question.ts';
import type { Value } from './config.ts';
import { repositoryConfig } from './repositoryConfig.ts';

/** What is asked; `scratch` is a private folder. */
export interface Question {
  readonly replica: string;
  readonly passwordFile: string;
  readonly scratch: string;
  readonly road?: Road;
  readonly ask: 'opens' | 'isComplete' | 'unlocks';
  readonly shown?: Shown;
  readonly snapshots?: readonly string[];
  /** Keys of the repository. */
  readonly nightly?: Readonly<Record<string, Value>>;
}

/** A password in a file of the operator's. */
export const passwordIn = (path: string) => (): Promise<Password> => Promise.resolve({ path, held: [] });

/** The answer, or what was thrown. */
export type Reply = Answer | { readonly message: string; readonly hint: string };

export async function answer({ replica, passwordFile, scratch, road, ask, shown = {}, snapshots = [], nightly = {} }: Question): Promise<Reply> {
  const repository = repositoryConfig({ ...nightly, replica });
  let printed: Promise<Password> | undefined;
  const { signal } = new AbortController();
  const password = repository.restic.passwordCommand === undefined
    ? passwordIn(passwordFile)
    : (): Promise<Password> => (printed ??= passwordOf(repository.restic, scratch, signal));
  const restic = new Restic(repository, password, scratch, new AbortController().signal, road);
  try {
    const until = Date.now() + repository.timeouts.prove;
    return await (ask === 'opens' ? restic.opens(shown, snapshots, until) : restic[ask](shown, until));
  } catch (error) {
    return { message: (error as Error).message, hint: (error as { hint?: string }).hint ?? '' };
  }
}
