/** For scripts/setup: one line for each program whose version matters, and what `doctor` says of it. */
import { spawnSync } from 'node:child_process';
import { findProgram } from '../src/programs/process.ts';
import { versionArguments, versionIn, type Versioned } from '../src/programs/versions.ts';
import { versionVerdict } from '../src/doctor/version-verdict.ts';

const words = { good: '', warning: ' (doctor warns of it)', bad: ' (doctor refuses it)' };

for (const program of ['rsync', 'restic'] as const satisfies readonly Versioned[]) {
  const { stdout } = spawnSync(program, versionArguments[program], { encoding: 'utf8' });
  const version = versionIn(program, stdout);
  const verdict = version === undefined ? undefined : versionVerdict(program, version, findProgram(program, program));
  process.stdout.write(
    verdict === undefined
      ? `${program} does not say its version\n`
      : `${program} ${verdict.words}${words[verdict.standing]}\n`,
  );
}
