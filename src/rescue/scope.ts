/** Which files a give-back is about. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { keptPerRule } from '../audit/findings.ts';
import { UsageError } from '../errors.ts';
import { placeOf } from '../layout.ts';
import type { Alarm } from '../ratchet/declared/alarm.ts';
import type { State } from '../ratchet/state.ts';
import { ifThere } from '../state/files.ts';
import { ifJson } from '../state/json-file.ts';
import { eachLine } from '../state/lines.ts';

/** What the standing alarm is about, or everything. */
export interface Scope {
  /** The run that raised the alarm; undefined: everything is meant. */
  readonly alarm: string | undefined;
  /** Whether more was found than is kept by name: then every file that is missing or has another size is meant as well. */
  readonly isCut: boolean;
  has(path: string): boolean;
}

export const everything: Scope = { alarm: undefined, isCut: false, has: () => true };

/**
 * The files of the alarm that stands, those included that later runs found while it stood, and the suspects. Throws UsageError, which names
 * `--all`, where none stands, or none that names a file.
 */
export function scopeOf(state: State, name: string): Scope {
  const alarm = state.alarm();
  if (alarm === undefined) throw nothingMeant(`no alarm stands for ${name}, so no file is named`);
  const found = pathsOf(state, alarm);
  const paths = new Set(found.paths.filter((path) => path !== '' && placeOf(path).of !== 'outside'));
  if (paths.size === 0)
    throw nothingMeant(`the alarm of run ${alarm.runId} (${alarm.rules.join(', ')}) names no file of the repository`);
  const parents = (path: string): string[] => [path, path.slice(0, path.lastIndexOf('/')), path.split('/', 1)[0] ?? ''];
  return { alarm: alarm.runId, isCut: found.isCut, has: (path) => parents(path).some((each) => paths.has(each)) };
}

function nothingMeant(what: string): UsageError {
  return new UsageError(what, 'say --all to give back everything that is missing or differs; nothing was tried');
}

const finding = v.looseObject({ severity: v.string(), rule: v.string(), path: v.string() });

/**
 * The violations by name, and what had another time and was not read, because the alarm came first: what each run since the alarm
 * has kept, and the alarm itself where those are gone.
 */
function pathsOf(state: State, alarm: Alarm): { paths: string[]; isCut: boolean } {
  const paths = alarm.findings.map(({ path }) => path);
  const counts = new Map<string, number>();
  const runs = join(state.folder, 'runs');
  for (const run of (ifThere(() => readdirSync(runs)) ?? []).filter((each) => each >= alarm.runId)) {
    eachLine(join(runs, run, 'findings.jsonl'), (line) => {
      const found = ifJson(line.toString('utf8'), finding);
      if (found?.severity !== 'violation' && found?.rule !== 'suspect') return;
      paths.push(found.path);
      counts.set(`${run} ${found.rule}`, (counts.get(`${run} ${found.rule}`) ?? 0) + 1);
    });
  }
  return {
    paths,
    isCut: paths.length > 0 && (counts.size === 0 || [...counts.values()].some((count) => count >= keptPerRule)),
  };
}
