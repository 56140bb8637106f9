import { isOlder, lacking, refusal, upgradeHint, type Versioned } from '../programs/versions.ts';
import { type Verdict, good, bad, warning } from './checkup.ts';

/** What `doctor` says of it. `path` is for people. */
export function versionVerdict(program: Versioned, version: string, path: string): Verdict {
  const lack = lacking[program].find(({ before }) => isOlder(version, before));
  if (lack === undefined) return good(`${version} (${path})`);
  const mend = `apt-get install --only-upgrade ${program}, and see apt-get changelog ${program}`;
  return (lack.refused ? bad : warning)(
    `${version} (${path}): ${refusal(program, version) ?? lack.lacks}`,
    lack.refused ? upgradeHint(program) : mend,
  );
}
