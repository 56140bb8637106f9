/** Whether the restic of this machine may prove (versions.ts), asked once for each program that comes along: a night's starts are counted. */
import { statSync } from 'node:fs';
import { refusal, upgradeHint, versionArguments, versionIn } from './versions.ts';
import { Failure } from '../errors.ts';
import { findProgram, run } from './process.ts';

/** A restic and its version, '' when it does not say: a build of somebody's own is judged by what it does. Size in bytes, time in milliseconds. */
export interface KnownRestic {
  readonly program: string;
  readonly size: number;
  readonly mtime: number;
  readonly version: string;
}

/** How long it may take to say its version, in milliseconds. */
const patience = 60_000;

/**
 * What is known of the restic at `path`; `before` where that is the same file. Throws Failure, before anything of the
 * repository has been read, when it is too old to prove, or not there.
 */
export async function requireRestic(
  path: string,
  before: KnownRestic | null,
  interrupt: AbortSignal,
): Promise<KnownRestic> {
  const program = findProgram(path, 'restic');
  const { size, mtimeMs: mtime } = statSync(program);
  const isKnown = before !== null && before.program === program && before.size === size && before.mtime === mtime;
  const restic = isKnown ? before : { program, size, mtime, version: await askVersion(program, interrupt) };
  const unfit = refusal('restic', restic.version);
  if (unfit === undefined) return restic;
  throw new Failure(unfit, `${upgradeHint('restic')}. Nothing was fetched, admitted or removed`);
}

async function askVersion(program: string, interrupt: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  const bounds = { stall: patience, deadline: Date.now() + patience, interrupt };
  await run(
    { file: program, args: versionArguments.restic, env: { LC_ALL: 'C', PATH: '/usr/bin:/bin', HOME: '/' } },
    bounds,
    (chunk) => {
      if (chunks.length < 16) chunks.push(chunk);
    },
  );
  return versionIn('restic', Buffer.concat(chunks).toString('latin1')) ?? '';
}
