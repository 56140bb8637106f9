/** Where rsync's reports of a run lie: `runs/<run>/report-N` in the state, N for the pass; those of the last run are kept for people. */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../errors.ts';
import { passes, type Pass } from '../layout.ts';
import { ReportFile, type Reserve } from './report-file.ts';
import { ifThere, namesIn } from '../state/files.ts';
import { freeSpace } from './disk.ts';

/** What a report of a pass is called in a run's folder. */
const reportName = (pass: Pass): string => `report-${pass}`;

/** A line takes so much at most, but for names that nobody gives; in bytes. */
const lineLength = 256;
/** What is reserved in any case, in bytes. */
const least = 64 * 2 ** 20;
/** And where nobody knows how much it may be: a quarter of a billion names. Terabytes take the kernel seconds, on which locks wait. */
const most = 64 * 2 ** 30;

/** How much room one report of a run takes. */
interface ReportRoom {
  /** Files of the replica, as far as we know. */
  readonly files: number | undefined;
  /** `limits.newFiles`; undefined where there is no limit. */
  readonly newFiles: number | undefined;
}

/** Bytes to reserve where so many are free: half of that, 64 GiB at most, when nobody knows how much there may be; undefined where that is too little. */
export function bytesFor({ files, newFiles }: ReportRoom, free: number): number | undefined {
  if (files !== undefined && newFiles !== undefined) return lineLength * (files + newFiles) + least;
  const half = Math.min(Math.floor(free / 2), most);
  return half < lineLength * (files ?? 0) + least ? undefined : half;
}

/** Opens a file for the report of a pass, to be closed; undefined where its room cannot be had. */
export type OpenReport = (pass: Pass) => Promise<ReportFile | undefined>;

/**
 * Takes the room for the reports of one run, one after another; those of earlier runs go. `folder` makes the run's. `onPipe`
 * is told once why a report, and each after it, goes through a pipe: slower, and never cut.
 */
export function reportOpener(
  folder: () => string,
  reserve: Reserve,
  room: ReportRoom,
  onPipe: (why: string) => void,
): OpenReport {
  let hasPipe = false;
  return async (pass) => {
    if (hasPipe) return undefined;
    const opened = await tryToOpen(folder, reserve, room, pass);
    if (typeof opened !== 'string') return opened;
    hasPipe = true;
    onPipe(opened);
    return undefined;
  };
}

/** Or why it cannot be had: a full disk must be able to empty itself. */
async function tryToOpen(
  makeFolder: () => string,
  reserve: Reserve,
  room: ReportRoom,
  pass: Pass,
): Promise<ReportFile | string> {
  try {
    const folder = makeFolder();
    removeOthers(folder);
    const bytes = bytesFor(room, freeSpace(folder).free);
    if (bytes === undefined) return 'too little is free';
    return await ReportFile.reserve(join(folder, reportName(pass)), bytes, reserve);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Removes the reports of all runs but that of `folder`, and folders that held nothing else; a run that was killed may have left much room reserved. */
function removeOthers(folder: string): void {
  const runs = dirname(folder);
  for (const run of readdirSync(runs)) {
    if (run === basename(folder)) continue;
    for (const pass of passes) rmSync(join(runs, run, reportName(pass)), { force: true });
    if (namesIn(join(runs, run)).length === 0) rmdirSync(join(runs, run));
  }
}

/** The kept reports that a path names, by their pass: one file, or the folder of a run. Throws Failure when it names none. */
export function reportsAt(path: string): ReadonlyMap<Pass, string> {
  const isFolder = ifThere(() => statSync(path))?.isDirectory() === true;
  const [folder, names] = isFolder ? [path, namesIn(path)] : [dirname(path), existsSync(path) ? [basename(path)] : []];
  const found = passes.filter((pass) => names.includes(reportName(pass)));
  if (found.length > 0) return new Map(found.map((pass) => [pass, join(folder, reportName(pass))]));
  throw new Failure(
    `${path} is no report: ${isFolder ? 'the folder holds no' : 'its name must be'} report-1, report-2 or report-3`,
    'the reports of the last run lie in its folder below runs/ in the state of the repository; give that folder, or one of them',
  );
}
