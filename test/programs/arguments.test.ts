import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { passes, type Pass } from '../../src/layout.ts';
import { auditArguments, dryRun } from '../../src/audit/dry-run.ts';
import { fetchArguments, runFetch } from '../../src/ratchet/arrival/fetch.ts';
import { Channels } from '../../src/programs/channel.ts';
import { setVariables } from '../support/environment.ts';
import { makeTree } from '../support/makeTree.ts';
import { repositoryConfig } from '../support/repositoryConfig.ts';
import { boundsOf, contextOf } from '../support/rsyncContext.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';
import { repository as tree } from '../support/trees.ts';

const local = { source: '/so urce/', channels: undefined, readable: [], held: [], stderr: () => '', close: () => Promise.resolve() };
const overSsh = { ...local, source: 'backup@serverA:/', channels: new Channels([], {}, '/tmp/x') };
const repository = repositoryConfig({ ignore: ['.DS_Store', 'a b'], timeouts: { stall: '90s' }, rsync: { remotePath: '/opt/rsync' } });

/** DESIGN section 5, rule 2; packs are let through before the wildcards, because the first filter that matches decides. */
const fixed = (pass: Pass): string[] => [
  '-rt', '--dry-run', '--delete', '--delete-during', '--itemize-changes', '--itemize-changes', '--out-format=NONCE %i|%l|%M|%n',
  '--exclude=/.rsync-ratchet/', '--exclude=/locks/', '--exclude=/lost+found/', '--exclude=/tmp/',
  '--exclude=.DS_Store', '--exclude=a b', ...(pass === 3 ? [`--include=/data/[0-9a-f][0-9a-f]/${'?'.repeat(64)}`] : []),
  '--exclude=*-restic-temp-*', '--exclude=*-tmp-*', '--exclude=*.rest-server-temp*', '--exclude=*.partial',
];
const ofPass: Readonly<Record<Pass, readonly string[]>> = {
  1: ['--include=/snapshots/', '--filter=H /snapshots/*/**', '--include=/snapshots/**', '--exclude=*'],
  2: ['--exclude=/snapshots/', '--exclude=/data/', '--filter=S /index/*', '--filter=H /index/*/**', '--filter=S /keys/*', '--filter=H /keys/*/**', '--filter=S /index/', '--filter=S /keys/', '--filter=H /*/**'],
  3: ['--include=/data/', '--filter=S /data/[0-9a-f][0-9a-f]/', '--filter=H /data/*/*/**', '--filter=S /data/[0-9a-f][0-9a-f]/*', '--filter=H /data/*/**', '--include=/data/**', '--exclude=*'],
};

describe('the audit', () => {
  for (const pass of passes) {
    test(`pass ${pass} over ssh, word for word`, () => {
      assert.deepEqual(auditArguments(repository, overSsh, pass, 'NONCE', '/rep lica'), [
        ...fixed(pass), ...ofPass[pass], '--timeout=90', '--max-alloc=1G', '--rsync-path=/opt/rsync', 'backup@serverA:/', '/rep lica/',
      ]);
    });

    test(`pass ${pass} of a local path, word for word`, () => {
      assert.deepEqual(auditArguments(repository, local, pass, 'NONCE', '/rep lica'), [
        ...fixed(pass), ...ofPass[pass], '--timeout=90', '--max-alloc=1G', '/so urce/', '/rep lica/',
      ]);
    });
  }
});

describe('the fetch', () => {
  /** DESIGN section 5, rule 3, word for word. */
  const words = (largest: number): string[] => [
    '-t', '--no-dirs', '--chmod=D0700,F0600', '--ignore-existing', '--from0', '--files-from=/man ifest', '--whole-file', `--max-size=${largest}`, '--out-format=NONCE %i|%l|%n',
  ];

  test('over ssh, word for word', () => {
    assert.deepEqual(fetchArguments(repository, overSsh, '/man ifest', 'NONCE', '/in/20261123', 1234), [
      ...words(1234), '--timeout=90', '--max-alloc=1G', '--rsync-path=/opt/rsync', 'backup@serverA:/', '/in/20261123/',
    ]);
  });

  const limits: readonly (readonly [limit: string, option: string])[] = [['20MB', '--bwlimit=19531'], ['1MiB', '--bwlimit=1024']];
  for (const [limit, option] of limits) {
    test(`a bandwidth limit of ${limit}`, () => {
      const limited = repositoryConfig({ rsync: { bandwidthLimit: limit }, timeouts: { stall: '90s' } });
      assert.deepEqual(fetchArguments(limited, local, '/man ifest', 'NONCE', '/in/x', 0), [
        ...words(1), option, '--timeout=90', '--max-alloc=1G', '/so urce/', '/in/x/',
      ]);
    });
  }
});

describe('what must never be there', () => {
  const letters = 'alDpogHAXzvq8c';
  const names = [
    'archive', 'links', 'devices', 'specials', 'perms', 'owner', 'group', 'hard-links', 'acls', 'xattrs', 'compress', 'verbose', 'quiet', '8-bit-output',
    'checksum', 'size-only', 'update', 'safe-links', 'copy-links', 'copy-unsafe-links', 'keep-dirlinks', 'max-delete', 'trust-sender', 'old-args',
    'delete-delay', 'delete-after', 'delete-before', 'delete-excluded', 'force', 'inplace', 'append', 'partial', 'no-inc-recursive', 'delay-updates',
    'ignore-errors', 'remove-source-files', 'write-devices', 'super', 'fake-super',
  ];
  const vectors = [overSsh, local].flatMap((connection) => [
    ...passes.map((pass) => ({ name: `pass ${pass}`, args: auditArguments(repository, connection, pass, 'NONCE', '/r'), also: ['ignore-existing'] })),
    { name: 'the fetch', args: fetchArguments(repository, connection, '/m', 'NONCE', '/i', 1), also: ['recursive', 'delete', 'delete-during', 'dry-run'] },
  ]);
  for (const { name, args, also } of vectors) {
    test(`${name} from ${args.at(-2) ?? ''}`, () => {
      const short = args.filter((arg) => /^-[^-]/.test(arg) && arg !== '-e').join('').replaceAll('-', '');
      for (const letter of letters) assert.ok(!short.includes(letter), `-${letter}`);
      const long = args.filter((arg) => arg.startsWith('--')).map((arg) => arg.slice(2).replace(/=.*/s, ''));
      for (const forbidden of [...names, ...also]) assert.ok(!long.includes(forbidden), `--${forbidden}`);
    });
  }
});

describe('the environment', () => {
  /** Where a variable or a file would change what rsync does; each of these breaks a run that honours it. */
  const stray = {
    RSYNC_OLD_ARGS: '1', RSYNC_RSH: '/nonexistent', RSYNC_CONNECT_PROG: '/nonexistent', RSYNC_PARTIAL_DIR: '/nonexistent', RSYNC_PROTECT_ARGS: '1',
    RSYNC_MAX_ALLOC: '1K', RSYNC_ICONV: 'x,y', RSYNC_CHECKSUM_LIST: 'nosuch', LC_ALL: 'xx_XX', TZ: 'Pacific/Kiritimati', LD_PRELOAD: '/nonexistent.so', PYTHONPATH: '/',
  };

  test('holds nothing but what we give it: stray variables and ~/.popt have no effect', async (t) => {
    const folder = temporaryFolder(t);
    const [source, replica, seen] = [join(folder, 'source'), join(folder, 'replica'), join(folder, 'seen')];
    makeTree(source, tree);
    makeTree(replica, tree);
    writeFileSync(join(folder, '.popt'), 'rsync alias --dry-run --nosuchoption\nrsync alias -t --nosuchoption\n');
    const spy = join(folder, 'spy');
    writeFileSync(spy, `#!/bin/sh\nenv -0 > ${seen}\nexec rsync "$@"\n`, { mode: 0o700 });

    setVariables(t, { ...stray, HOME: folder });

    const context = contextOf(folder, source, { rsync: { path: spy } });
    const lines: string[] = [];
    for (const pass of passes) assert.equal(await dryRun(context, pass, replica, boundsOf(), { judge: ({ path }) => lines.push(path), judgeUnchanged: () => false }), undefined);
    assert.equal(lines.length, 3 + Object.keys(tree).length);
    assertEnvironment(seen, folder, process.env['PATH'] ?? '');

    const [manifest, incoming] = [join(folder, 'manifest'), join(folder, 'incoming')];
    writeFileSync(manifest, 'config\0');
    mkdirSync(incoming);
    assert.equal(await runFetch(context, manifest, incoming, { ...boundsOf(), files: 1, largest: 2 ** 20 }, () => undefined), 'complete');
    assert.equal(digest(incoming, { folders: false }).length, 1);
    assertEnvironment(seen, folder, process.env['PATH'] ?? '');
  });

  function assertEnvironment(file: string, folder: string, path: string): void {
    const variables = readFileSync(file, 'utf8').split('\0').filter((each) => each !== '' && !/^(PWD|SHLVL|_|OLDPWD)=/.test(each));
    assert.deepEqual(variables.sort(), [`HOME=${join(folder, 'run/home')}`, 'LC_ALL=C', `PATH=${path}`, 'TZ=UTC']);
  }
});
