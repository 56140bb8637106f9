/** restic on the replica, in a box: what an operator does on the worst day, and on any other, without a network and without a risk to the replica. */
import type { Config, Repository } from '../config/config.ts';
import { makeRunFolder, removeRunFolder } from '../programs/run-folder.ts';
import { ownersHere, runInBox, type Boxed, type Owners } from '../programs/restic-box.ts';
import { requireRestic } from '../programs/restic-version.ts';
import { shareLock } from '../programs/shared-lock.ts';
import { isOlder } from '../programs/versions.ts';
import { notInitialised } from '../ratchet/replica.ts';
import { markerOf } from '../ratchet/whose-state.ts';
import { ownPaths, pathOf } from '../replica-path.ts';
import { readingAs, type Owner } from '../state/become.ts';
import type { Console } from '../telling/console.ts';
import { targetFolder } from './target.ts';
import type { Wish } from './wish.ts';

/** Whose replica is read, and by whom. */
export interface Rescue {
  readonly config: Config;
  readonly repository: Repository;
  /** The owner of the replica, where root does not become him. */
  readonly owner: Owner | undefined;
  readonly password: Boxed['password'];
  readonly interrupt: AbortSignal;
  /** Says beforehand what will not be as expected. */
  readonly console: Console;
}

/** Does what was asked for; restic's own exit code. Throws UsageError before anything has started, and Failure where there is no box. */
export async function resticInBox(rescue: Rescue, wish: Wish): Promise<number> {
  const { repository, password, interrupt } = rescue;
  const target = await targetOf(rescue, wish.target);
  const args = [...(await withoutForeignAcls(rescue, target)), ...wish.args];
  return readingBeside(rescue, (scratch) => {
    return runInBox(
      { replica: pathOf(repository.replica), restic: repository.restic, password, args, target, scratch },
      interrupt,
    );
  });
}

/** Gives `work` a private folder while nothing leaves the replica; nights go on beside it. Throws Failure without a replica. */
export async function readingBeside<T>(
  { config, repository, owner }: Pick<Rescue, 'config' | 'repository' | 'owner'>,
  work: (scratch: string) => Promise<T>,
): Promise<T> {
  if (readingAs(owner, () => markerOf(config, repository)) === undefined) throw notInitialised(repository.replica);
  const letGo = await shareLock(ownPaths(repository.replica).readers, owner);
  const scratch = makeRunFolder();
  try {
    return await work(scratch);
  } finally {
    removeRunFolder(scratch);
    letGo();
  }
}

async function targetOf({ config, console }: Rescue, path: string | undefined): Promise<Boxed['target']> {
  if (path === undefined) return undefined;
  const folder = targetFolder(path, config);
  const owners = await ownersHere();
  const words = ownerWords[owners];
  if (words !== undefined) console.warn(words);
  console.note(`restored to ${folder.path}, which is called /target in the box`);
  return { ...folder, owners };
}

const ownerWords: Readonly<Record<Owners, string | undefined>> = {
  kept: undefined,
  subordinate:
    'you are not root: files of other owners will belong to your subordinate IDs (/etc/subuid), devices are not made; `unshare --map-root-user --map-auto` shows them, packs them and removes them as they were',
  ours: 'you are not root: all files will be yours; owners, access lists (ACLs) and devices are not restored',
  unknown:
    'you are not root: all files will be yours; owners, access lists (ACLs) and devices are not restored, and restic complains of each (exit 1)',
};

/**
 * Users whom the box does not know cannot be granted anything in it: restic that can leave access lists out does. Older ones
 * pass over what they cannot set, or complain.
 */
async function withoutForeignAcls(
  { repository, interrupt }: Rescue,
  target: Boxed['target'],
): Promise<readonly string[]> {
  if (target === undefined || target.owners === 'kept' || target.owners === 'subordinate') return [];
  const { version } = await requireRestic(repository.restic.path, null, interrupt);
  return isOlder(version, '0.18.0') ? [] : ['--exclude-xattr=system.posix_acl_*'];
}
