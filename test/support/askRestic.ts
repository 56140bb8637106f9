/** restic, asked one question: here, or (asked.ts) in a process of its own, so that it can be another user's, in another room. */
import { Restic } from '../../src/programs/restic.ts';
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

/** The answer, or what was thrown. */
export type Reply = Answer | { readonly message: string; readonly hint: string };

export async function answer({ replica, passwordFile, scratch, road, ask, shown = {}, snapshots = [], nightly = {} }: Question): Promise<Reply> {
  const repository = repositoryConfig({ ...nightly, replica });
  const restic = new Restic(repository, passwordFile, scratch, new AbortController().signal, road);
  try {
    const until = Date.now() + repository.timeouts.prove;
    return await (ask === 'opens' ? restic.opens(shown, snapshots, until) : restic[ask](shown, until));
  } catch (error) {
    return { message: (error as Error).message, hint: (error as { hint?: string }).hint ?? '' };
  }
}
