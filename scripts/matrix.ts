/**
 * The matrix of versions (scripts/matrix): runs the stories of test/release, and what the suite has on rsync and on restic,
 * with each version that lies in FOLDER as `<program>-<version>-<release>/<program>`. The table goes to stdout as Markdown,
 * what failed to stderr; exit 1 when anything did. `record`: writes the recordings of each version instead.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isOlder, refusal, versionArguments, versionIn, type Versioned } from '../src/programs/versions.ts';
import { temporaryFolder } from '../test/support/temporary.ts';

const [folder = '', order] = process.argv.slice(2);

/** A program of some release. */
interface Program {
  readonly path: string;
  readonly version: string;
  readonly release: string;
}

/** One cell of a table: test files, and which programs they are to find. */
interface Trial {
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

const stories = { rsync: 'test/release/versions-rsync.test.ts', restic: 'test/release/versions-restic.test.ts' };
/** What the ordinary suite has on each, besides the stories. */
const suite = {
  rsync: [
    'test/programs/arguments.test.ts',
    'test/ratchet/audit.test.ts',
    'test/promises/p1-never-overwritten/tampering.test.ts',
    'test/rescue/give-back.local.test.ts',
    'test/rescue/give-back.ssh.test.ts',
  ],
  restic: [
    'test/programs/restic.test.ts',
    'test/proof/prove.test.ts',
    'test/scenarios/drill.test.ts',
    'test/scenarios/restic-box.test.ts',
    'test/manual/restore.test.ts',
  ],
};

/** Oldest first. */
function programs(kind: Versioned): Program[] {
  const found = readdirSync(folder)
    .filter((name) => name.startsWith(`${kind}-`))
    .map((name) => {
      const [, version = '', ...release] = name.split('-');
      return { path: join(folder, name, kind), version, release: release.join('-') };
    });
  return found.sort((a, b) =>
    isOlder(a.version, b.version) ? -1 : isOlder(b.version, a.version) ? 1 : a.release < b.release ? -1 : 1,
  );
}

/** The version of the one in PATH. */
function ours(kind: Versioned): string {
  return versionIn(kind, execFileSync(kind, versionArguments[kind], { encoding: 'utf8' })) ?? 'unknown';
}

// --- Running trials, a few at a time.

/** `5 passed`, or `✘ 4 passed, 1 failed`; a trial in which no test ran has failed. */
interface Result {
  readonly words: string;
  readonly isGood: boolean;
}

let running = 0;
const waiting: (() => void)[] = [];
const failures: string[] = [];

async function tried(name: string, trial: Trial): Promise<Result> {
  if (running >= availableParallelism())
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
  running += 1;
  const result = await run(name, trial);
  running -= 1;
  waiting.shift()?.();
  process.stderr.write(`${result.words}: ${name}\n`);
  return result;
}

function run(name: string, { env, files }: Trial): Promise<Result> {
  const counts = join(temporaryFolder(), 'counts');
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/count-reporter.mjs',
    `--test-reporter-destination=${counts}`,
  ];
  const argv = [
    'scripts/in-memory',
    process.execPath,
    '--import',
    'tsx',
    '--test',
    '--test-concurrency=1',
    '--test-timeout=1800000',
    ...reporters,
    ...files,
  ];
  return new Promise((resolve) => {
    const child = spawn('scripts/with-programs', argv, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
      });
    child.once('close', (code) => {
      const [passed = 0, failed = 1] = counted(counts);
      const isGood = code === 0 && failed === 0 && passed > 0;
      if (!isGood) failures.push(`== ${name}\n${said}`);
      resolve({ isGood, words: isGood ? `${passed} passed` : `✘ ${passed} passed, ${failed} failed` });
    });
  });
}

function counted(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').trim().split(' ').map(Number);
  } catch {
    return []; // the runner died before it could count: no test has passed
  }
}

// --- The two tables.

type Row = readonly [head: string, cells: readonly Promise<Result>[]];

/** Each rsync at both ends, as ours with this machine's at serverA, and the other way round. */
function rsyncRows(): Row[] {
  return programs('rsync').map(({ path, version, release }) => {
    const trial = (name: string, env: Record<string, string>, more: readonly string[] = []): Promise<Result> =>
      tried(`rsync ${version} (${release}), ${name}`, { env, files: [stories.rsync, ...more] });
    return [
      `${version} (${release})`,
      [
        trial('both ends', { RATCHET_RSYNC: path }, suite.rsync),
        trial('serverB', { RATCHET_RSYNC: path, RATCHET_SERVER_RSYNC: 'rsync' }),
        trial('serverA', { RATCHET_SERVER_RSYNC: path }),
      ],
    ];
  });
}

/** What the clients' restic can make: format, and compression where that format knows it. */
function repositoriesOf({ version }: Program): (readonly [string, Record<string, string>])[] {
  const format1 = ['format 1', { RATCHET_CLIENT_FORMAT: '1' }] as const;
  if (isOlder(version, '0.14.0')) return [format1];
  return [
    format1,
    ['format 2', { RATCHET_CLIENT_FORMAT: '2' }],
    ['format 2, uncompressed', { RATCHET_CLIENT_FORMAT: '2', RATCHET_CLIENT_COMPRESSION: 'off' }],
  ];
}

/** Repositories made by each restic, proven by each that may. */
function resticRows(provers: readonly Program[]): Row[] {
  const suites: Row = [
    '*the suite*',
    provers.map(({ path, version }) =>
      tried(`restic ${version}, the suite`, { env: { RATCHET_RESTIC: path }, files: suite.restic }),
    ),
  ];
  return [
    suites,
    ...programs('restic').flatMap((maker) =>
      repositoriesOf(maker).map(([kind, made]): Row => [
        `${maker.version} (${maker.release}), ${kind}`,
        provers.map(({ path, version }) =>
          tried(`made by restic ${maker.version}, ${kind}, proven by ${version}`, {
            env: { RATCHET_RESTIC: path, RATCHET_CLIENT_RESTIC: maker.path, ...made },
            files: [stories.restic],
          }),
        ),
      ]),
    ),
  ];
}

async function table(heads: readonly string[], rows: readonly Row[]): Promise<string> {
  const lines = [heads, heads.map(() => '---')];
  for (const [head, cells] of rows) lines.push([head, ...(await Promise.all(cells)).map(({ words }) => words)]);
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

async function matrix(): Promise<void> {
  const provers = programs('restic').filter(({ version }) => refusal('restic', version) === undefined);
  const started = Date.now();
  const tables = await Promise.all([
    table(
      ['rsync', 'both ends', `serverB's, ${ours('rsync')} at serverA`, `serverA's, ${ours('rsync')} at serverB`],
      rsyncRows(),
    ),
    table(['repository made by restic', ...provers.map(({ version }) => `proven by ${version}`)], resticRows(provers)),
  ]);
  for (const failure of failures) process.stderr.write(`${failure}\n`);
  const minutes = ((Date.now() - started) / 60_000).toFixed(1);
  process.stdout.write(
    `${new Date().toISOString().slice(0, 10)}, ${minutes} minutes, ${failures.length} failed:\n\n${tables.join('\n')}`,
  );
  if (failures.length > 0) process.exitCode = 1;
}

function record(): void {
  for (const { path } of programs('rsync'))
    execFileSync('scripts/record-itemize', { env: { ...process.env, RATCHET_RSYNC: path }, stdio: 'inherit' });
  for (const { path } of programs('restic'))
    execFileSync('scripts/record-restic', { env: { ...process.env, RATCHET_RESTIC: path }, stdio: 'inherit' });
}

if (order === 'record') record();
else await matrix();
