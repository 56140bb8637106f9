/**
 * Makes a small repository, spoils a copy of it for each case, asks the restic in PATH, and writes what it said and how
 * it ended to FOLDER/<restic version>.json (fixtures/restic). Paths are shown below `/r`; IDs differ in each recording.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOlder } from '../src/programs/versions.ts';
import { resticInit } from '../test/support/resticInit.ts';
import type { Recorded } from '../test/support/resticRecordings.ts';
import { removeTree, temporaryFolder } from '../test/support/temporary.ts';

const version =
  /^restic (\d+\.\d+\.\d+)/.exec(execFileSync('restic', ['version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
const target = process.argv[2] ?? 'fixtures/restic';
const folder = temporaryFolder();
const [whole, repository, passwordFile] = [join(folder, 'whole'), join(folder, 'repository'), join(folder, 'password')];
const environment = { PATH: process.env['PATH'], HOME: folder, TZ: 'UTC', LC_ALL: 'C' };
/** restic 0.14 tries for a quarter of an hour to read what is not there; how it says so is known by then, in milliseconds. */
const patience = 20_000;

/** One question about the repository, after `spoil` has been at it. */
interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly spoil?: () => void;
  readonly password?: string;
  /** Asked as a user to whom permissions apply. */
  readonly withoutPowers?: boolean;
}

const all = ['data', 'index', 'keys', 'snapshots'];
const filesIn = (part: string): string[] =>
  execFileSync('find', [join(repository, part), '-type', 'f', '-size', '+0', '-printf', '%s %p\\0'], {
    encoding: 'utf8',
  })
    .split('\0')
    .filter(Boolean)
    .sort((a, b) => Number.parseInt(a) - Number.parseInt(b))
    .map((line) => line.slice(line.indexOf(' ') + 1));
/** The largest: of packs the one with data, of indexes the one that names more. */
const one = (part: string): string => filesIn(part).at(-1) ?? '';
const smallest = (part: string): string => filesIn(part)[0] ?? '';
const idOf = (part: string): string => readdirSync(join(whole, part))[0] ?? '';
const remove = (path: string): void => {
  rmSync(path, { recursive: true });
};

/** Another byte in the middle; the file may be read-only. */
function damage(path: string): void {
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  writeFileSync(path, bytes);
}

/** Random bytes under a name that is not their hash. */
function junk(part: string): void {
  writeFileSync(join(repository, part, 'ab'.repeat(32)), Buffer.alloc(300, 'junk'));
}

function cut(path: string): void {
  chmodSync(path, 0o600);
  truncateSync(path, 100);
}

function lockOut(part: string): void {
  chmodSync(one(part), 0);
}

function cases(): Case[] {
  const check = ['check'];
  const readData = ['check', '--read-data'];
  const listTree = ['stats', '--mode', 'raw-data', idOf('snapshots')];
  return [
    { name: 'version', args: ['version'] },
    { name: 'an unknown command', args: ['no-such-command'] },
    { name: 'an unknown option', args: ['check', '--no-such-option'] },
    { name: 'cat config', args: ['cat', 'config'] },
    { name: 'check', args: check },
    { name: 'check --read-data', args: readData },
    { name: 'check of a share', args: ['check', '--read-data-subset=1/2'] },
    { name: 'check of a share of more than 256', args: ['check', '--read-data-subset=1/257'] },
    { name: 'rebuild-index', args: ['rebuild-index'] },
    { name: 'repair index', args: ['repair', 'index'] },
    { name: 'cat index', args: ['cat', 'index', idOf('index')] },
    { name: 'snapshots', args: ['snapshots', '--json'] },
    { name: 'stats of a snapshot', args: listTree },
    { name: 'stats of no snapshot', args: ['stats', '--mode', 'raw-data', '--host', 'nobody'] },
    { name: 'stats of an absent snapshot', args: ['stats', '--mode', 'raw-data', '0'.repeat(64)] },
    { name: 'a wrong password', args: ['cat', 'config'], password: 'wrong' },
    { name: 'an empty password', args: ['cat', 'config'], password: '' },
    { name: 'no password file', args: ['--password-file', '/r/nowhere', 'cat', 'config'] },
    {
      name: 'no key',
      args: ['cat', 'config'],
      spoil: () => {
        remove(one('keys'));
      },
    },
    {
      name: 'a damaged key',
      args: ['cat', 'config'],
      spoil: () => {
        damage(one('keys'));
      },
    },
    {
      name: 'junk beside the key',
      args: ['cat', 'config'],
      spoil: () => {
        junk('keys');
      },
    },
    {
      name: 'no config',
      args: ['cat', 'config'],
      spoil: () => {
        remove(join(repository, 'config'));
      },
    },
    {
      name: 'a damaged config',
      args: ['cat', 'config'],
      spoil: () => {
        damage(join(repository, 'config'));
      },
    },
    {
      name: 'a missing repository',
      args: ['cat', 'config'],
      spoil: () => {
        remove(repository);
      },
    },
    {
      name: 'an empty folder',
      args: check,
      spoil: () => {
        for (const part of [...all, 'config', 'locks']) remove(join(repository, part));
      },
    },
    {
      name: 'a missing pack of data, check',
      args: check,
      spoil: () => {
        remove(one('data'));
      },
    },
    {
      name: 'a missing pack of data, check --read-data',
      args: readData,
      spoil: () => {
        remove(one('data'));
      },
    },
    {
      name: 'a missing pack of trees, check',
      args: check,
      spoil: () => {
        remove(smallest('data'));
      },
    },
    {
      name: 'a missing pack of trees, stats',
      args: listTree,
      spoil: () => {
        for (const pack of filesIn('data')) remove(pack);
      },
    },
    {
      name: 'a cut pack, check',
      args: check,
      spoil: () => {
        cut(one('data'));
      },
    },
    {
      name: 'a cut pack, check --read-data',
      args: readData,
      spoil: () => {
        cut(one('data'));
      },
    },
    {
      name: 'a damaged pack of data, check',
      args: check,
      spoil: () => {
        damage(one('data'));
      },
    },
    {
      name: 'a damaged pack of data, check --read-data',
      args: readData,
      spoil: () => {
        damage(one('data'));
      },
    },
    {
      name: 'a damaged pack of trees, check',
      args: check,
      spoil: () => {
        damage(smallest('data'));
      },
    },
    {
      name: 'a pack that no index names, check',
      args: check,
      spoil: () => {
        junk('data/ab');
      },
    },
    {
      name: 'a pack that no index names, rebuild-index',
      args: ['rebuild-index'],
      spoil: () => {
        junk('data/ab');
      },
    },
    {
      name: 'a missing index, check',
      args: check,
      spoil: () => {
        remove(one('index'));
      },
    },
    {
      name: 'no index, check',
      args: check,
      spoil: () => {
        for (const index of filesIn('index')) remove(index);
      },
    },
    {
      name: 'a damaged index, check',
      args: check,
      spoil: () => {
        damage(one('index'));
      },
    },
    {
      name: 'a damaged index, stats',
      args: listTree,
      spoil: () => {
        damage(one('index'));
      },
    },
    {
      name: 'a damaged index, rebuild-index',
      args: ['rebuild-index'],
      spoil: () => {
        damage(one('index'));
      },
    },
    {
      name: 'a cut index, check',
      args: check,
      spoil: () => {
        cut(one('index'));
      },
    },
    {
      name: 'an empty index, check',
      args: check,
      spoil: () => {
        writeFileSync(join(repository, 'index', 'ab'.repeat(32)), '');
      },
    },
    {
      name: 'junk among the indexes, check',
      args: check,
      spoil: () => {
        junk('index');
      },
    },
    {
      name: 'a damaged snapshot, check',
      args: check,
      spoil: () => {
        damage(one('snapshots'));
      },
    },
    {
      name: 'a damaged snapshot, stats',
      args: ['stats', '--mode', 'raw-data'],
      spoil: () => {
        damage(one('snapshots'));
      },
    },
    {
      name: 'junk among the snapshots, snapshots',
      args: ['snapshots', '--json'],
      spoil: () => {
        junk('snapshots');
      },
    },
    {
      name: 'a closed key',
      args: ['cat', 'config'],
      spoil: () => {
        lockOut('keys');
      },
      withoutPowers: true,
    },
    {
      name: 'a closed index',
      args: check,
      spoil: () => {
        lockOut('index');
      },
      withoutPowers: true,
    },
    {
      name: 'a closed pack',
      args: readData,
      spoil: () => {
        lockOut('data');
      },
      withoutPowers: true,
    },
    {
      name: 'a closed snapshot',
      args: ['snapshots', '--json'],
      spoil: () => {
        lockOut('snapshots');
      },
      withoutPowers: true,
    },
  ];
}

function record({ name, args, spoil, password = 'secret', withoutPowers = false }: Case): Recorded {
  execFileSync('cp', ['-a', whole, repository]);
  spoil?.();
  writeFileSync(passwordFile, password);
  const drop =
    withoutPowers && process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--'] : [];
  const [file = '', ...argv] = [
    ...drop,
    'restic',
    '--no-cache',
    '--no-lock',
    '-r',
    repository,
    '--password-file',
    passwordFile,
    ...args,
  ];
  const ended = spawnSync(file, argv, { env: environment, encoding: 'utf8', timeout: patience, killSignal: 'SIGKILL' });
  rmSync(repository, { recursive: true, force: true });
  const shown = (text: string): string => text.replaceAll(folder, '/r');
  return { name, args, code: ended.status, stdout: shown(ended.stdout), stderr: shown(ended.stderr) };
}

/** Two snapshots, so that there are two indexes, and packs of data and of trees. */
function makeWhole(): void {
  resticInit(whole, 'secret', isOlder(version, '0.14.0') ? 1 : 2);
  writeFileSync(passwordFile, 'secret');
  for (const [round, size] of [
    [1, 50_000],
    [2, 200_000],
  ] as const) {
    const documents = join(folder, 'documents');
    mkdirSync(documents, { recursive: true });
    writeFileSync(join(documents, `${round}.bin`), randomBytes(size));
    execFileSync(
      'restic',
      ['-q', '--no-cache', '-r', whole, '--password-file', passwordFile, 'backup', '--host', 'client', documents],
      { env: environment },
    );
  }
}

makeWhole();
const recorded = cases().map(record);
removeTree(folder);
mkdirSync(target, { recursive: true });
writeFileSync(join(target, `${version}.json`), `${JSON.stringify(recorded, null, 1)}\n`);
process.stdout.write(`${recorded.length} answers of restic ${version} recorded in ${target}\n`);
