/** B15: the floor of our own way. Its script is bundled as the program is, and gets a replica and a state of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from './places.ts';

const [build, entry] = ['../../scripts/build.mjs', './floor.main.ts'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** The command line of the floor, for a replica that is in step with the place's source now. */
export function floorOf(place: Place): string[] {
  const [bundle, replica, state] = ['floor', 'floor-replica', 'floor-state'].map((name) => join(place.folder, name)) as [string, string, string];
  if (!existsSync(bundle)) execFileSync(process.execPath, [build ?? '', entry ?? '', bundle], { stdio: 'inherit' });
  for (const folder of [replica, state]) rmSync(folder, { recursive: true, force: true });
  execFileSync('cp', ['-al', place.source, replica]);
  const files = execFileSync('find', [replica, '-type', 'f', '-printf', '.'], { encoding: 'latin1', maxBuffer: 1 << 28 }).length;
  mkdirSync(join(replica, '.rsync-ratchet', 'incoming'), { recursive: true, mode: 0o700 });
  const config = JSON.parse(readFileSync(place.configFile, 'utf8')) as { repositories: { nightly: object } };
  const own = { ...config, state, repositories: { nightly: { ...config.repositories.nightly, replica } } };
  const file = join(place.folder, 'floor.yaml');
  writeFileSync(file, JSON.stringify(own), { mode: 0o600 });
  return [join(bundle, 'main.js'), file, String(files)];
}
