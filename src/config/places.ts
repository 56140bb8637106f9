/** Folders that a configuration names and that must not lie in one another. */
import type { Finding, KeyPath } from './types.ts';
import { isWithin } from './units.ts';

/** A folder, or a file, that a key names; absolute. */
export interface Place {
  readonly path: KeyPath;
  readonly folder: string;
}

/** All of them. `path[1]` of a replica or source is the repository's name. */
interface Places {
  readonly names: readonly string[];
  readonly replicas: readonly Place[];
  /** The sources on this machine. */
  readonly sources: readonly Place[];
  /** `path` is undefined for one that is a default. */
  readonly state: { readonly path: KeyPath | undefined; readonly folder: string } | undefined;
  /** Files and folders that we write besides. */
  readonly written: readonly Place[];
}

/** Whether the first is the second or lies in it: by name, or by what lies on the disk. */
type Within = (path: string, folder: string) => boolean;

/** What cannot be meant, said of the key that is to be changed. */
export function placeFindings(
  { names, replicas, sources, state, written }: Places,
  within: Within = isWithin,
): Finding[] {
  const ours = [...(state?.path === undefined ? [] : [{ path: state.path, folder: state.folder }]), ...written];
  return [
    ...replicas.flatMap((one, index) => twoReplicas(one, replicas.slice(0, index), within)),
    ...replicas.flatMap((one) => replicaAndSource(one, sources, within)),
    ...ours.flatMap((one) => insideRepository(one, replicas, sources, within)),
    ...(state === undefined ? [] : [...replicas, ...sources].flatMap((one) => besideBooks(one, state, names, within))),
  ];
}

const wrong = (path: KeyPath, message: string): Finding[] => [{ path, at: 'value', message }];
const nameOf = ({ path }: Place): string => String(path[1]);

function twoReplicas({ path, folder }: Place, earlier: readonly Place[], within: Within): Finding[] {
  const other = earlier.find((one) => within(folder, one.folder) || within(one.folder, folder));
  if (!other) return [];
  const [inside, around] = [within(folder, other.folder), within(other.folder, folder)];
  const relation =
    inside && around ? 'is also the replica of' : inside ? 'lies inside the replica of' : 'lies around the replica of';
  return wrong(path, `${relation} ${nameOf(other)} (${other.folder}): each repository must have a folder of its own`);
}

/** A replica may be the source of another repository, as a second copy on another disk has it; nothing else may overlap. */
function replicaAndSource(replica: Place, sources: readonly Place[], within: Within): Finding[] {
  const other = sources.find(({ path, folder }) => {
    const [inside, around] = [within(replica.folder, folder), within(folder, replica.folder)];
    return (inside || around) && !(inside && around && path[1] !== replica.path[1]);
  });
  if (!other) return [];
  const whose = other.path[1] === replica.path[1] ? 'the source' : `the source of ${nameOf(other)},`;
  return wrong(replica.path, `must be outside ${whose} ${other.folder}, and not around it`);
}

function insideRepository(
  { path, folder }: Place,
  replicas: readonly Place[],
  sources: readonly Place[],
  within: Within,
): Finding[] {
  const around = [...replicas, ...sources].find((one) => within(folder, one.folder));
  if (!around) return [];
  return wrong(
    path,
    `must be outside the ${String(around.path[2])} ${around.folder}: nothing but the repository belongs there`,
  );
}

/** `state` keeps the books of each repository, and the spool, in folders of its own. */
function besideBooks(
  { path, folder }: Place,
  { path: configured, folder: state }: NonNullable<Places['state']>,
  names: readonly string[],
  within: Within,
): Finding[] {
  if (configured === undefined && within(state, folder))
    return wrong(path, `must not be around the state folder ${state}: move one of them (state: …)`);
  const books = [...names, 'spool']
    .map((name) => `${state.replace(/\/$/, '')}/${name}`)
    .find((one) => within(folder, one));
  return books === undefined ? [] : wrong(path, `must be outside ${books}, where the state folder keeps its own files`);
}
