import { isUtf8 } from 'node:buffer';
import { closeSync, existsSync, fstatSync, readSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { quoteLine } from './quote.ts';
import { keyName, readConfig } from './config.ts';
import { bytesHanded, pathHanded } from '../state/handed.ts';
import { openToRead } from '../state/read-file.ts';
import type { Config, KeyPath, Problem } from './config.ts';
import { UsageError } from '../errors.ts';
import { secretProblems } from './secrets.ts';
import { placeProblems } from './foreseen-places.ts';

/** The configuration says something wrong: the same problems as in the message, for programs. */
export class ConfigError extends UsageError {
  readonly problems: readonly Problem[];

  constructor(message: string, hint: string, problems: readonly Problem[]) {
    super(message, hint);
    this.problems = problems;
  }
}

const systemFile = '/etc/rsync-ratchet/config.yaml';

/**
 * Finds the configuration: the one that was handed to us, `option` (--config), $RSYNC_RATCHET_CONFIG, $XDG_CONFIG_HOME (or ~/.config), /etc; the
 * first two are meant and so must exist. Gives an absolute path. Throws UsageError when there is none.
 */
export function findConfig(option: string | undefined, env: NodeJS.ProcessEnv, system = systemFile): string {
  const handed = pathHanded();
  if (handed !== undefined) return handed;
  if (option !== undefined) return mustExist(option, '--config');
  const named = env['RSYNC_RATCHET_CONFIG'];
  if (named) return mustExist(named, '$RSYNC_RATCHET_CONFIG');
  const looked = [join(xdgFolder(env, 'XDG_CONFIG_HOME', '.config'), 'rsync-ratchet', 'config.yaml'), system];
  const found = looked.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new UsageError(
    'no configuration found',
    `looked for --config, $RSYNC_RATCHET_CONFIG, ${looked.join(', ')}; rsync-ratchet config generate makes one`,
  );
}

/** Whether the files with secrets must be there and closed to others: for whoever only looks, they need not be readable, and a unit's credentials need not be ours. */
export type Secrets = 'with secrets' | 'without secrets' | 'without credentials';

/** What a caller wants of the configuration besides its text. */
interface Wanted {
  readonly env?: NodeJS.ProcessEnv;
  readonly secrets?: Secrets;
  /** What else speaks against the values of the repositories that are meant, see foreseen.ts. */
  readonly foresee?: (meant: Config) => readonly ValueProblem[];
  /** The repositories that are meant: only their secrets and folders are looked at; all when none is named. */
  readonly names?: readonly string[];
  /** Whether the folders of all repositories are compared, sources on this machine included: one that hangs would hang us. */
  readonly comparesAll?: boolean;
  /** Called once the text is known to be right, before anything that it names is looked at: root becomes the owner here. */
  readonly settle?: (config: Config, text: string) => Settled;
}

/** What speaks against going on, and where the books are when the configuration does not say. */
export interface Settled {
  readonly problems: readonly ValueProblem[];
  readonly state: string | undefined;
}

/** What is wrong with the value of a key. */
export interface ValueProblem {
  readonly path: KeyPath;
  readonly message: string;
}

/**
 * Reads and checks the configuration at `path`, the rights of the file itself and of the files with secrets included.
 * `state` is always filled in. Throws ConfigError with `FILE:LINE:COLUMN: KEY: message` and the quoted line for each problem.
 */
export function loadConfig(path: string, wanted: Wanted = {}): Config {
  const file = resolve(path);
  const { text, problems } = readText(file);
  const env = wanted.env ?? process.env;
  const result = readConfig(text, dirname(file), env['CREDENTIALS_DIRECTORY']);
  if ('problems' in result) return refuse(file, text, [...problems, ...result.problems]);
  const { config, locate } = result;
  const settled = wanted.settle?.(config, text);
  const filled: Config = {
    ...config,
    state: config.state ?? settled?.state ?? defaultState(env),
  };
  const values = [...(settled?.problems ?? []), ...valueProblems(filled, config.state === undefined, wanted)];
  const all = [
    ...problems,
    ...values.map(({ path: key, message }) => ({ ...locate(...key), key: keyName(key), message })),
  ];
  return all.length > 0 ? refuse(file, text, all) : filled;
}

/** What this machine says against the values. */
function valueProblems(
  config: Config,
  isDefaultState: boolean,
  { secrets = 'with secrets', names = [], foresee = () => [], comparesAll = false }: Wanted,
): ValueProblem[] {
  const meant =
    names.length === 0
      ? config
      : { ...config, repositories: config.repositories.filter(({ name }) => names.includes(name)) };
  const overlapping = placeProblems(comparesAll ? config : meant, isDefaultState, comparesAll);
  return [
    ...(secrets === 'without secrets' ? [] : secretProblems(meant, secrets === 'with secrets')),
    ...overlapping,
    ...foresee(meant),
  ];
}

/** Where the books are kept when the configuration does not say: root has the machine's folder, a user his own. */
export function defaultState(env: NodeJS.ProcessEnv, uid = process.getuid?.()): string {
  return uid === 0 ? '/var/lib/rsync-ratchet' : join(xdgFolder(env, 'XDG_STATE_HOME', '.local/state'), 'rsync-ratchet');
}

/** A folder of the XDG specification, which says to pass over relative ones. */
export function xdgFolder(env: NodeJS.ProcessEnv, name: string, fallback: string): string {
  const [folder = '', home = ''] = [env[name], env['HOME']];
  return isAbsolute(folder) ? folder : join(isAbsolute(home) ? home : homedir(), fallback);
}

function mustExist(path: string, origin: string): string {
  if (path !== '' && existsSync(path)) return resolve(path);
  throw new UsageError(
    `${origin} names ${path || 'no file'}, which does not exist`,
    'rsync-ratchet config generate --destination FILE makes one',
  );
}

function refuse(file: string, text: string, problems: Problem[]): never {
  const lines = problems.flatMap((problem) => {
    const { line, column, key, message } = problem;
    return [
      [`${file}:${line}:${column}`, ...(key === '' ? [] : [key]), message].join(': '),
      ...quoteLine(text, problem),
    ];
  });
  throw new ConfigError(
    lines.join('\n'),
    'nothing was tried; correct the file, then see rsync-ratchet config validate',
    problems,
  );
}

/** The text, and what is wrong with the file that holds it. */
function readText(file: string): { text: string; problems: Problem[] } {
  const { bytes, mode } = readOpened(file);
  const text = bytes.toString('utf8');
  const problems: Problem[] = [];
  if ((mode & 0o022) !== 0)
    problems.push(
      atTop(`can be written by others: it decides what runs here, so must be its owner's (chmod go-w ${file})`),
    );
  if (!isUtf8(bytes)) {
    const before = text.slice(0, Math.max(0, text.indexOf('\uFFFD'))).split('\n');
    problems.push({
      line: before.length,
      column: (before.at(-1) ?? '').length + 1,
      key: '',
      message: 'this is not UTF-8: save the file as UTF-8',
    });
  }
  return { text, problems };
}

/** The rights are those of the file that is read, whatever happens to its name meanwhile. */
function readOpened(file: string): { bytes: Buffer; mode: number } {
  if (file === pathHanded()) return { bytes: bytesHanded(), mode: 0 }; // whoever handed it has judged its rights
  let descriptor: number | undefined;
  try {
    descriptor = openToRead(file);
    return { bytes: readAtMost(descriptor, largest), mode: fstatSync(descriptor).mode };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${file}: cannot be read: ${why}`,
      'give a configuration that you can read with --config FILE',
    );
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** No configuration is larger; what the parser costs grows with the square of its keys. In bytes. */
const largest = 2 ** 20;

/** All of a file, or of a pipe. */
function readAtMost(descriptor: number, most: number): Buffer {
  const bytes = Buffer.alloc(most + 1);
  for (let length = 0; length <= most;) {
    const count = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
  }
  throw new UsageError('the configuration is larger than 1 MiB', 'is this the right file? Nothing was tried');
}

const atTop = (message: string): Problem => ({ line: 1, column: 1, key: '', message });
