/** The command `drill`: a drill now, due or not, beside the nights; kept in a folder where somebody wants to see what came. */
import { ownersHere, type Boxed } from '../programs/restic-box.ts';
import type { DrillResult } from '../ratchet/run.ts';
import { State } from '../ratchet/state.ts';
import { pathOf } from '../replica-path.ts';
import { runDrill } from './drill.ts';
import { readingBeside, type Rescue } from './restic.ts';
import { targetFolder } from './target.ts';

/** What a drill restores at most where the configuration does not say. */
const usual = { files: 25, bytes: 200_000_000 };

/**
 * What it came to; undefined where there is no snapshot yet. Without a target the journal has it, and a failure stands until
 * one passes; with one it is the caller's own look, with his rights. Throws UsageError, and Failure without a replica or a box.
 */
export async function drillNow(rescue: Rescue, path: string | undefined): Promise<DrillResult | undefined> {
  const { config, repository, password, interrupt } = rescue;
  const { files, bytes } = repository.restic.drill ?? usual;
  const target = path === undefined ? undefined : await keptIn(rescue, path);
  const result = await readingBeside(rescue, (scratch) =>
    runDrill({
      ...{ repository, files, bytes, interrupt, chance: Math.random },
      boxed: { replica: pathOf(repository.replica), restic: repository.restic, password, target, scratch },
      until: Date.now() + repository.timeouts.check,
    }),
  );
  if (result !== undefined && target === undefined)
    await new State(config.state ?? '', repository.name).append(new Date(), { event: 'drilled', ...result });
  return result;
}

async function keptIn({ config, console }: Rescue, path: string): Promise<Boxed['target']> {
  const folder = targetFolder(path, config);
  console.note(`what is restored stays in ${folder.path}: clear text, for you to remove`);
  return { ...folder, owners: await ownersHere() };
}
