/**
 * The linter means it: in each room that may not write, every way around the list of imports is planted and refused.
 * The lists of who may write and who may start programs are kept here once more, apart from the table in scripts/house.mjs:
 * a row that is loosened there fails here. Taking a row away from them is always allowed.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ESLint, Linter, type SourceCode } from 'eslint';
import tseslint from 'typescript-eslint';
import { pageText } from '../support/manual.ts';

// By its address, not bundled with this file: it finds src beside itself.
const { house, plugin, reserved } = (await import(
  new URL('../../scripts/house.mjs', import.meta.url).href
)) as typeof import('../../scripts/house.mjs');

const root = fileURLToPath(new URL('../../', import.meta.url));
const src = join(root, 'src');

/** The files that take a replica's path out; of these only the lock, programs and state may write. */
const whoSees = [
  'ratchet/',
  'programs/disk.ts',
  'programs/place.ts',
  'programs/restic.ts',
  'proof/prover.ts',
  'scrub/rehash.ts',
  'state/files.ts',
  'state/owner.ts',
  'state/holder.ts',
  'config/foreseen-places.ts',
  'doctor/replica.ts',
  'setup/entry.ts',
  'rescue/',
  'cli/init.ts',
];
/** Who may write files: rooms end with '/'. */
const writers = [
  'ratchet/',
  'state/',
  'programs/',
  'audit/dry-run.ts',
  'proof/record-sorter.ts',
  'telling/spool.ts',
  'cli/config.ts',
  'rescue/aside.ts',
  'setup/place.ts',
];
/** Those that may do so by these names alone, or not at all. */
const byName: Record<string, string[]> = {
  'audit/dry-run.ts': ['writeFileSync'],
  'telling/spool.ts': ['rmSync'],
  'cli/config.ts': ['writeFileSync'],
  'rescue/aside.ts': ['fchownSync', 'mkdirSync', 'openSync', 'rmdirSync'],
  'setup/place.ts': ['chownSync', 'mkdirSync'],
  'proof/record-sorter.ts': ['mkdirSync', 'mkdtempSync', 'rmSync', 'writeFileSync'],
  // They see where a replica lies, in a room that may write.
  'programs/disk.ts': [],
  'programs/place.ts': [],
};
/** Who may see where a replica lies, who may make one out of a path, and who may write below one by state's means. */
const few: Record<string, [file: string, who: string[]]> = {
  pathOf: ['replica-path.ts', whoSees],
  ownPaths: ['replica-path.ts', whoSees],
  Replica: ['replica-path.ts', ['config/config.ts']],
  makeFolder: ['state/unguarded.ts', ['ratchet/', 'state/files.ts']],
  replaceFile: ['state/unguarded.ts', ['ratchet/', 'state/files.ts']],
  replace: ['state/unguarded.ts', ['ratchet/', 'state/files.ts']],
  refusalOf: ['state/unguarded.ts', ['ratchet/', 'state/files.ts']],
};
/** Who may start programs. */
const starters = ['programs/'];
/** What of the lock changes a replica, and who may call it from outside. */
const doors: Record<string, string[]> = {
  'ratchet/night.ts': ['nightly.ts'],
  'ratchet/init.ts': ['cli/init.ts'],
  'ratchet/repair.ts': ['scrub/'],
  'ratchet/probe.ts': ['doctor/'],
  'ratchet/replica-place.ts': [],
  'ratchet/arrival/quarantine.ts': [],
  'ratchet/suspects.ts': [],
  'ratchet/arrival/arrival.ts': [],
  'ratchet/arrival/fetch.ts': [],
  'ratchet/arrival/incoming.ts': [],
  'ratchet/arrival/admit.ts': [],
  'ratchet/departure/departure.ts': [],
  'ratchet/departure/expire.ts': [],
};

const isOf = (list: string[], file: string) =>
  list.some((one) => (one.endsWith('/') ? file.startsWith(one) : file === one));

/** Changing a file by a name of node:fs, or opening it such that it may be. */
const writing = [
  "import { writeFileSync } from 'node:fs'; writeFileSync('x', '');",
  "import { rmSync as readFileSync } from 'node:fs'; readFileSync('x');",
  "import { chownSync, mkdirSync } from 'node:fs'; mkdirSync('x'); chownSync('x', 0, 0);",
  "import { createWriteStream } from 'node:fs'; createWriteStream('x');",
  "import { promises } from 'node:fs'; void promises.rm('x');",
  "import { renameSync, statSync } from 'node:fs'; renameSync('x', 'y'); statSync('x');",
  "import { linkSync, truncateSync, mkdirSync, utimesSync, chmodSync, cpSync } from 'node:fs';",
  "import { writeFileSync } from 'fs'; writeFileSync('x', '');",
  "import { openSync } from 'node:fs'; openSync('x', 'w');",
  "import { constants, openSync } from 'node:fs'; openSync('x', constants.O_RDONLY | constants.O_NOFOLLOW);",
  "import { constants, openSync } from 'node:fs'; openSync('x', constants.O_RDONLY | constants.O_TRUNC);",
  "import { openSync } from 'node:fs'; openSync('x', 512);",
  "import { openSync } from 'node:fs'; const flags = 'r'; openSync('x', flags);",
  "import { openSync } from 'node:fs'; ['x'].map(openSync);",
  "import { openSync as open } from 'node:fs'; open('x', 'w');",
  "import { readFileSync } from 'node:fs'; readFileSync('x', { flag: 'w+' });",
  "import { readFileSync } from 'node:fs'; const how = { flag: 'w+' }; readFileSync('x', how);",
  "import { readFileSync } from 'node:fs'; const read = readFileSync; read('x', { flag: 'w+' });",
  "import { readFileSync as read } from 'node:fs'; read('x', { flag: 'w+' });",
  "import fs from 'node:fs'; fs.rmSync('x');",
  "import fs from 'fs'; fs.rmSync('x');",
  "import { default as fs } from 'node:fs'; fs.rmSync('x');",
  "import * as fs from 'node:fs'; fs.rmSync('x');",
  "import 'node:fs';",
];

/** Starting a program, which can do all that files forbid. */
const starting = [
  "import { spawnSync } from 'node:child_process'; spawnSync('rm', ['x']);",
  "import { execFileSync } from 'child_process'; execFileSync('rm', ['x']);",
  "import child from 'node:child_process'; child.execSync('rm x');",
  "import { execa } from 'execa'; await execa('rm', ['x']);",
];

/** What nobody may do, the lock included. */
const never = [
  "const fs = await import('node:fs'); fs.rmSync('x');",
  "const fs = await import('fs'); fs.rmSync('x');",
  "const { execSync } = await import('node:child_process'); execSync('rm x');",
  "const name = 'node:fs'; const fs = await import(name); fs.rmSync('x');",
  "const fs = await import(`node:${'fs'}`); fs.rmSync('x');",
  "import { rm } from 'node:fs/promises'; await rm('x');",
  "import { rm } from 'fs/promises'; await rm('x');",
  "import { createRequire } from 'node:module'; createRequire(import.meta.url)('node:fs').rmSync('x');",
  "import module from 'module'; module.createRequire('/')('node:fs').rmSync('x');",
  "require('node:fs').rmSync('x');",
  "import fs = require('node:fs'); fs.rmSync('x');",
  "process.getBuiltinModule('node:fs').rmSync('x');",
  "process['getBuiltinModule']('node:fs').rmSync('x');",
  "const { getBuiltinModule } = process; getBuiltinModule('node:fs').rmSync('x');",
  "const { getBuiltinModule: load } = process; load('node:fs').rmSync('x');",
  "const self = process; self[name]('node:fs').rmSync('x');",
  "(process as any)[name]('node:fs').rmSync('x');",
  "Reflect.get(process, name)('node:fs').rmSync('x');",
  "import process from 'node:process'; process.getBuiltinModule('node:fs').rmSync('x');",
  "globalThis.process.getBuiltinModule('node:fs').rmSync('x');",
  "globalThis['pro' + 'cess'].getBuiltinModule('node:fs').rmSync('x');",
  "global[name].rmSync('x');",
  "process.binding('fs').unlink('x');",
  "process.dlopen({ exports: {} }, 'x.node');",
  "process.report.writeReport('x');",
  "export { rmSync } from 'node:fs';",
  "export * from 'node:fs';",
  "export * as fs from 'fs';",
  "import { rmSync } from 'node:fs'; export { rmSync };",
  "import { rmSync } from 'node:fs'; export { rmSync as forget };",
  "import { rmSync } from 'node:fs'; export const forget = rmSync;",
  "import { rmSync } from 'node:fs'; export default rmSync;",
  "export { spawn } from 'node:child_process';",
  "export * from 'execa';",
  "import { Worker } from 'node:worker_threads'; new Worker('x');",
  "import vm from 'node:vm'; vm.runInThisContext('x');",
  "import { fork } from 'node:cluster'; fork();",
  "import { run } from 'node:test'; run();",
  "import repl from 'node:repl'; repl.start();",
  "import { setEngine } from 'node:crypto'; setEngine('x.so');",
  "eval('x');",
  "(0, eval)('x');",
  "globalThis['eval']('x');",
  "new Function('x')();",
  "Function('x')();",
  "const make = Function; make('x')();",
  "(() => {}).constructor('x')();",
  "(() => {})['constructor']('x')();",
  "const { constructor: make } = () => {}; make('x')();",
  "await import('data:text/javascript,x');",
  "import 'file:///tmp/x.mjs';",
  "import '/tmp/x.mjs';",
  "import '../../scripts/bundle.mjs';",
  "import '../../node_modules/execa/index.js';",
  "import '../%73tate/files.ts';",
  "import { execa } from 'yaml/../execa';",
  "import { x } from 'a-package-that-nobody-allowed';",
];

/** What may be read, so that a refusal above is one of the rule's and not of the parser's. */
const fine = [
  "import { printable } from '../printable.ts';",
  "import { join } from 'node:path'; join('x', 'y');",
  'process.stderr.write(process.env.HOME);',
];
const readingOnly =
  "import { lstatSync, readFileSync, type Stats } from 'node:fs'; readFileSync('x', 'utf8'); export type { Stats };";

const linter = new Linter({ cwd: root });
const config: Linter.Config[] = [
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { house: plugin },
    rules: { 'house/directions': 'error' },
  },
];

/** Texts that were met before: to parse one takes twice as long as to judge it. */
const parsed = new Map<string, SourceCode>();

/** What the rule says to this text in that file; a text that does not parse is a fault of the test. */
function refusals(code: string, file: string): string[] {
  const messages = linter.verify(parsed.get(code) ?? code, config, { filename: join(src, file) });
  if (!parsed.has(code)) parsed.set(code, linter.getSourceCode());
  for (const { ruleId, message } of messages) assert.equal(ruleId, 'house/directions', `${message}: ${code}`);
  return messages.map(({ message }) => message);
}

function expectRefused(codes: string[], file: string): void {
  const through = codes.filter((code) => refusals(code, file).length === 0);
  assert.deepEqual(through, [], `lint lets this through in src/${file}`);
}

const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((one) => one.isFile())
  .map((one) => relative(src, join(one.parentPath, one.name)));
const ours = files.filter((file) => file.endsWith('.ts'));
const rooms = [...new Set(ours.map((file) => file.split('/').slice(0, -1).join('/')))];
/** A new file of each folder, and the first file of each row of the table. */
const planted = rooms.map((room) => join(room, 'planted.ts'));
const samples = [
  ...new Set([
    ...planted,
    ...house.map(([of]) => ours.find((file) => of.test(file))).filter((file) => file !== undefined),
  ]),
];

test('only the listed rooms may write, open or start: no row of the table says more', () => {
  for (const file of [...ours, ...planted]) {
    if (!isOf(writers, file)) expectRefused(writing.slice(0, 1), file);
    if (!isOf(starters, file)) expectRefused(starting, file);
  }
});

const writingNames =
  'writeFileSync rmSync createWriteStream appendFileSync renameSync linkSync symlinkSync truncateSync ftruncateSync mkdirSync mkdtempSync rmdirSync unlinkSync utimesSync chmodSync chownSync copyFileSync cpSync writeSync openSync promises'.split(
    ' ',
  );

for (const [door, callers] of Object.entries(doors)) {
  test(`src/${door} is called from outside the lock by ${callers.join(', ') || 'nobody'}`, () => {
    assert.ok(ours.includes(door), 'no such file: say here what has become of it');
    for (const file of [...ours, ...planted].filter((one) => !isOf(['ratchet/', ...callers], one))) {
      const path = relative(dirname(file), door);
      const specifier = path.startsWith('.') ? path : `./${path}`;
      expectRefused(
        [
          `import { x } from '${specifier}'; x();`,
          `export { x } from '${specifier}';`,
          `await import('${specifier}');`,
        ],
        file,
      );
    }
  });
}

for (const [name, [door, who]] of Object.entries(few)) {
  test(`${name} of src/${door} is for few, and by its name: lint refuses everybody else, and handing it on`, () => {
    for (const file of [...ours, ...planted].filter((one) => one !== door)) {
      const path = relative(dirname(file), door);
      const from = path.startsWith('.') ? path : `./${path}`;
      const otherwise = [
        `export { ${name} } from '${from}';`,
        `export * from '${from}';`,
        `const all = await import('${from}'); all.${name}('x');`,
        `import { ${name} } from '${from}'; export { ${name} };`,
        `import { ${name} } from '${from}'; export const handed = ${name};`,
      ];
      const names = [
        `import { ${name} } from '${from}'; ${name}('x');`,
        `import { ${name} as other } from '${from}'; other('x');`,
        `import * as all from '${from}'; all.${name}('x');`,
      ];
      expectRefused(isOf(who, file) ? otherwise : [...otherwise, ...names], file);
    }
  });
}

test('what is for few has those few, and no others', () => {
  const told = reserved.flatMap(([door, names]) => names.map((name) => `${name} of ${door}`));
  assert.deepEqual(told.sort(), Object.entries(few).map(([name, [door]]) => `${name} of ${door}`).sort());
  const takes = (file: string, door: string) => Object.keys(few).some((name) =>
    few[name]?.[0].endsWith(door) && new RegExp(`import [^;]*\\b${name}\\b[^;]*${door}`).test(readFileSync(join(src, file), 'utf8')));
  for (const [, [door, who]] of Object.entries(few))
    assert.deepEqual(who.filter((one) => !ours.some((file) => isOf([one], file) && takes(file, door.split('/').at(-1) ?? ''))), [], door);
});

test('the lock and the tripwire call nothing of the rooms that may be skipped by right', () => {
  const skipped = ours.filter((file) => isOf(['words/', 'telling/', 'looking/', 'scrub/', 'doctor/', 'cli/'], file));
  for (const file of [...ours, ...planted].filter((one) => isOf(['ratchet/', 'audit/', 'proof/'], one))) {
    for (const one of skipped) expectRefused([`import { x } from '${relative(dirname(file), one)}'; x();`], file);
  }
});

test('what the lock and the tripwire stand on knows nothing of them, not even a type', () => {
  const above = ours.filter((file) => isOf(['ratchet/', 'audit/', 'proof/'], file));
  for (const file of [...ours, ...planted].filter((one) => isOf(['programs/', 'state/'], one))) {
    for (const one of above) expectRefused([`import type { X } from '${relative(dirname(file), one)}'; export type Y = X;`], file);
  }
});

test('of the tripwire, who runs rsync and who runs find alone reach what starts programs', () => {
  const runners = ['audit/dry-run.ts', 'audit/find-packs.ts'];
  for (const file of ['audit/planted.ts', ...ours].filter((one) => isOf(['audit/'], one) && !runners.includes(one)))
    for (const one of ours.filter((each) => isOf(['programs/'], each))) expectRefused([`import { x } from '${relative(dirname(file), one)}'; x();`], file);
});

test('the chapter for who reads it names each of them, and no other as an exception', () => {
  const chapter = pageText('src/manual/read-it-yourself.md');
  for (const one of [...writers, ...starters]) assert.ok(chapter.includes(`\`src/${one.replace(/\/$/, '')}\``), one);
  const exceptions = (chapter.split('**The exceptions**')[1] ?? '').split('\n**')[0] ?? '';
  const told = [...exceptions.matchAll(/^\| `src\/([^`]+)` \|/gm)].map(([, file = '']) => file);
  assert.deepEqual(told.sort(), writers.filter((one) => !one.endsWith('/')).sort());
});

test('the lists here say no more than is true: what nobody may do any more leaves them', () => {
  const mayBe = (list: string[], codes: string[]) =>
    list.filter((one) =>
      [...ours, ...planted].some(
        (file) => isOf([one], file) && codes.some((code) => refusals(code, file).length === 0),
      ),
    );
  assert.deepEqual(mayBe(writers, writing), writers);
  assert.deepEqual(mayBe(starters, starting), starters);
});

test('who may write by a name or two has no other', () => {
  for (const [file, names] of Object.entries(byName)) {
    const has = writingNames.filter(
      (name) => refusals(`import { ${name} } from 'node:fs'; ${name}('x');`, file).length === 0,
    );
    assert.deepEqual(
      has.filter((name) => !names.includes(name)),
      [],
      file,
    );
  }
});

for (const file of samples) {
  test(`src/${file}: lint refuses each way around`, () => {
    expectRefused(never, file);
    if (!isOf(writers, file)) expectRefused(writing, file);
    if (!isOf(starters, file)) expectRefused(starting, file);
  });
}

test('lint lets the harmless through, and reading where the table says so', () => {
  for (const file of ['config/planted.ts', 'looking/planted.ts', 'words/planted.ts', 'ratchet/planted.ts']) {
    for (const code of fine) assert.deepEqual(refusals(code, file), []);
  }
  assert.deepEqual(refusals(readingOnly, 'looking/status.ts'), []);
  const opening = "import { openToRead } from '../state/read-file.ts'; openToRead('x', 'no link');";
  assert.deepEqual(refusals(opening, 'scrub/rehash.ts'), []);
  assert.notDeepEqual(refusals(opening, 'scrub/planted.ts'), []);
  for (const file of ['words/planted.ts', 'looking/planted.ts', 'telling/planted.ts'])
    assert.notDeepEqual(refusals(readingOnly, file), [], file);
});

test('a file outside every room may have nothing', () => {
  expectRefused([...writing, ...starting, ...never, readingOnly, "import '../state/files.ts';"], 'planted/planted.ts');
});

test('lint itself applies the rule to every file below src, and no comment in a file turns it off', async () => {
  const eslint = new ESLint({ cwd: root });
  for (const file of [
    ...planted,
    ...rooms.map((room) => ours.find((one) => one.startsWith(`${room}/`)) ?? 'main.ts'),
  ]) {
    const path = join(src, file);
    assert.equal(await eslint.isPathIgnored(path), false, file);
    const { rules, linterOptions } = (await eslint.calculateConfigForFile(path)) as Linter.Config;
    assert.deepEqual(rules?.['house/directions'], [2], file);
    if (!file.startsWith('looking/page/')) assert.equal(linterOptions?.noInlineConfig, true, file);
  }
  assert.deepEqual(
    files.filter((file) => !file.endsWith('.ts') && !/\.(md|json|yaml|sh|css)$/.test(file)),
    ['programs/sandbox.pl'], // Perl reads it (test/programs/sandbox-script.test.ts)
    'lint reads TypeScript only',
  );
});
