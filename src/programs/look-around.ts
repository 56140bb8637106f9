/** Where a source is no repository, what lies there instead: one more listing over the connection that stands, for words alone. */
import { dirname } from 'node:path';
import type { Repository } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { sshFailed } from './channel.ts';
import { commonOptions, dryRunLimits } from './rsync.ts';
import { sourcePath, runRsync, type RsyncContext } from './rsync-call.ts';
import { rsyncSource } from './ssh-command.ts';
import type { Bounds } from './watchdog.ts';

/** How many are offered by name, and how long a look may take, in milliseconds. */
const [mostOffered, patience] = [10, 30_000];

/**
 * Which repositories lie at the source's path and right below it, else beside it, else (rrsync's folder) at `/`: `source` as it
 * would have to be. None where none is found, nothing can be listed, or the source is one itself.
 */
export async function sourcesAround(context: RsyncContext, bounds: Bounds): Promise<readonly string[]> {
  for (const path of pathsAround(context.repository.source)) {
    const names = await repositoriesBelow(context, path, bounds);
    if (path === context.repository.source.path && names.includes('.')) return [];
    if (names.length > 0) return names.map((name) => asSource(context.repository.source, path, name));
  }
  return [];
}

/** The same as a hint; undefined where there are none. */
export function offered(sources: readonly string[]): string | undefined {
  if (sources.length === 0) return undefined;
  if (sources.length === 1) return `a repository lies there: ${sources.join()}; give it as source`;
  const more = sources.length > mostOffered ? ` and ${sources.length - mostOffered} more` : '';
  return `these repositories lie there: ${sources.slice(0, mostOffered).join(' ')}${more}; give one of them as source`;
}

/** A listing that failed: rsync's exit code, and whether it had ended by itself and listed nothing at all. */
interface FailedListing {
  readonly failure: Failure;
  readonly code: number | undefined;
  readonly isSilent?: boolean;
}

/**
 * The same listing, with that as its hint: a path that is not there is the most common slip. Only where nothing at all was
 * listed, and the connection stands.
 */
export async function withWhatLiesThere<Failed extends FailedListing>(
  context: RsyncContext,
  failed: Failed,
  bounds: Bounds,
  undone: string,
): Promise<Failed> {
  const { failure, code, isSilent } = failed;
  if (isSilent !== true || code === sshFailed || bounds.interrupt.aborted) return failed;
  if ((await context.fallen()) !== undefined) return failed;
  const found = offered(await sourcesAround(context, bounds));
  if (found === undefined) return failed;
  return { ...failed, failure: new Failure(failure.message, `${found}. ${undone}`, { cause: failure }) };
}

/** Of a mount, or a folder of this machine, rsync's room has no more than the folder itself. */
function pathsAround({ kind, path }: Repository['source']): string[] {
  return kind === 'ssh' ? [...new Set([path, dirname(path), '/'])] : [path];
}

function asSource(source: Repository['source'], path: string, name: string): string {
  const whole = [path.replace(/\/$/, ''), name].filter((part) => part !== '.' && part !== '').join('/') || '/';
  if (source.kind === 'local') return whole;
  const account = `${source.user === undefined ? '' : `${source.user}@`}${source.host.includes(':') ? `[${source.host}]` : source.host}`;
  if (source.kind === 'ssh') return `${account}:${path === '/' && !whole.startsWith('/') ? '/' : ''}${whole}`;
  return `sftp://${account}${source.port === undefined ? '' : `:${source.port}`}${whole}`;
}

/** Names of folders with a `config` and `keys`; `.` for the folder itself. Only such as need no quotes. */
async function repositoriesBelow(context: RsyncContext, path: string, bounds: Bounds): Promise<string[]> {
  const { repository, connection } = context;
  const source = repository.source.kind === 'ssh' ? rsyncSource({ ...repository.source, path }) : connection.source;
  const filters = ['/config', '/keys/', '/*/', '/*/config', '/*/keys/'].map((rule) => `--include=${rule}`);
  const args = ['-r', '--list-only', ...filters, '--exclude=*', ...commonOptions(repository, connection), source];
  let text = '';
  const short = { ...bounds, deadline: Math.min(bounds.deadline, Date.now() + patience) };
  const wish = { path: sourcePath(source) };
  try {
    await runRsync(
      context,
      { args, room: { readable: [], writable: [] }, limits: dryRunLimits, wish },
      short,
      (chunk) => {
        if (text.length < 2 ** 20) text += chunk.toString('latin1');
      },
    );
  } catch {
    return []; // words alone: what speaks against the source has been found before
  }
  const names = new Set(
    [...text.matchAll(/^[-d]\S+ +[\d,]+ \S+ \S+ ((?:[\w.@+-]+\/)?(?:config|keys))$/gm)].map(([, name = '']) => name),
  );
  const folders = [...names]
    .filter((name) => /(?:^|\/)config$/.test(name))
    .map((name) => name.slice(0, -'config'.length));
  return folders
    .filter((folder) => names.has(`${folder}keys`))
    .map((folder) => (folder === '' ? '.' : folder.slice(0, -1)));
}
