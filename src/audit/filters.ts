/** rsync's filters for the dry runs (rsync(1), "FILTER RULES"); the walk of the replica agrees with them (layout.ts, isExcluded). */
import { excludedFolders, uploadNames, type Pass } from '../layout.ts';

/**
 * The filters of each pass, behind the fixed ones (DESIGN section 4, step 2: what is listed first points at what comes later).
 * What limits the depth is said to the sender alone (`H` hide, `S` show): what is foreign there is named and not looked into,
 * while what only the replica has is named to the last file.
 */
const passFilters: Readonly<Record<Pass, readonly string[]>> = {
  1: ['--include=/snapshots/', '--filter=H /snapshots/*/**', '--include=/snapshots/**', '--exclude=*'],
  2: [
    '--exclude=/snapshots/',
    '--exclude=/data/',
    '--filter=S /index/*',
    '--filter=H /index/*/**',
    '--filter=S /keys/*',
    '--filter=H /keys/*/**',
    '--filter=S /index/',
    '--filter=S /keys/',
    '--filter=H /*/**',
  ],
  3: [
    '--include=/data/',
    '--filter=S /data/[0-9a-f][0-9a-f]/',
    '--filter=H /data/*/*/**',
    '--filter=S /data/[0-9a-f][0-9a-f]/*',
    '--filter=H /data/*/**',
    '--include=/data/**',
    '--exclude=*',
  ],
};

/**
 * All filters of a pass. The first that matches decides: packs, which are nearly all there is, are let through before the
 * wildcards, three of which would make rsync's scan a sixth longer. `hidden`: a file of `hideRules`.
 */
export function filtersOf(pass: Pass, ignore: readonly string[], hidden?: string): string[] {
  return [
    ...(hidden === undefined ? [] : [`--filter=merge ${hidden}`]),
    ...excludedFolders.map((name) => `--exclude=/${name}/`),
    ...ignore.map((name) => `--exclude=${name}`),
    ...(pass === 3 ? [`--include=/data/[0-9a-f][0-9a-f]/${'?'.repeat(64)}`] : []),
    ...uploadNames.map((name) => `--exclude=${name}`),
    ...passFilters[pass],
  ];
}

/** So many folders of serverA are hidden at most; an honest one has none or a few. */
const mostHidden = 1000;

/** The folders (bytes, one per character) that rules can hide: a rule ends with its line, and there is an end to them. */
export function hideable(folders: readonly string[]): string[] {
  return folders.filter((path) => !/[\n\r]/.test(path)).slice(0, mostHidden);
}

/** Rules, one a line, that hide these folders from the sender, so that it does not open them: for `--filter=merge`. */
export function hideRules(folders: readonly string[]): string {
  return folders.map((path) => `H /${literal(path)}/\n`).join('');
}

/** rsync takes a backslash for an escape only in a pattern with wildcards. */
function literal(path: string): string {
  return /[*?[]/.test(path) ? path.replace(/[\\*?[]/g, '\\$&') : path;
}
