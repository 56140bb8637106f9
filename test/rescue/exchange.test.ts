/** What give-back asks of rsync, word for word, and what it must never ask for. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Channels } from '../../src/programs/channel.ts';
import { remoteCommand } from '../../src/programs/remote-command.ts';
import type { RsyncContext } from '../../src/programs/rsync-call.ts';
import { modeOf, sendArguments } from '../../src/rescue/exchange.ts';
import { Replica } from '../../src/replica-path.ts';
import { repositoryConfig } from '../support/repositoryConfig.ts';

const repository = { ...repositoryConfig({ timeouts: { stall: '90s' }, rsync: { bandwidthLimit: '1MiB' } }), replica: new Replica('nightly', '/rep lica') };
const connection = { source: 'root@serverA:/srv/restic/', channels: new Channels([], {}, '/tmp/x'), readable: [], held: [], stderr: () => '', close: () => Promise.resolve() };
const context = { repository, connection, nonce: 'NONCE' } as unknown as RsyncContext;
const sent = (mode: number): string[] => sendArguments(context, '/run/names', { uid: 1000, gid: 1001, mode }, '../aside');

test('it sends names of a list, each anew, keeps times, gives owner, group and modes, sets aside what it replaces', () => {
  assert.deepEqual(sent(0o2750), [
    '-tlDp', '--ignore-times', '--omit-dir-times', '--whole-file', '-og', '--numeric-ids', '--usermap=*:1000', '--groupmap=*:1001', '--chmod=D2750,F640',
    '--backup', '--backup-dir', '../aside', '--from0', '--files-from=/run/names', '--out-format=NONCE %i|%l|%n', '--bwlimit=1024',
    '--timeout=90', '--max-alloc=1G', '--rsync-path=rsync', '/rep lica/', 'root@serverA:/srv/restic/',
  ]);
});

test('it deletes nothing, follows no link, writes into no file that is there', () => {
  const words = sent(0o700).map((word) => word.replace(/=.*/s, ''));
  const never = ['delete', 'del', 'delete-during', 'delete-after', 'delete-missing-args', 'remove-source-files', 'force', 'inplace', 'append', 'partial', 'keep-dirlinks', 'copy-links', 'copy-dirlinks', 'existing', 'recursive', 'archive', 'super'];
  assert.deepEqual(never.filter((name) => words.includes(`--${name}`)), []);
  assert.doesNotMatch(words.filter((word) => /^-[^-]/.test(word)).join(''), /[KLkraHAX]/);
});

describe('modes: files are never writable for others, and always readable for their owner', () => {
  const rows: readonly (readonly [folder: string, option: string])[] = [
    ['rwx------', '--chmod=D700,F600'], ['rwxr-x---', '--chmod=D750,F640'], ['rwxr-xr-x', '--chmod=D755,F644'], ['rwxrwsrwx', '--chmod=D2777,F644'],
    ['r-x------', '--chmod=D700,F600'], ['rwxrwxrwt', '--chmod=D1777,F644'], ['rwxr-S---', '--chmod=D2740,F640'],
  ];
  for (const [folder, option] of rows) test(folder, () => { assert.ok(sent(modeOf(folder)).includes(option), sent(modeOf(folder)).join(' ')); });
});

describe('what our rsync may ask the other one for', () => {
  const ssh = { ...repository, source: { kind: 'ssh', user: 'root', host: 'serverA', path: '/srv/restic' } } as const;
  const way = ['-l', 'root', 'serverA', 'rsync', '--server'];
  const rows: readonly (readonly [name: string, path: string, asked: readonly string[], does: 'receives' | 'is looked at' | 'sends', command: string | RegExp])[] = [
    ['to receive', '/srv/restic/', ['-bogtp', '--log-format=%i', '--usermap=\\*:1000', '--backup-dir', '../aside', '.', '/srv/restic/'], 'receives', 'rsync --server -bogtp --log-format=%i --usermap=\\*:1000 --backup-dir ../aside . /srv/restic/'],
    ['to send, with the format', '/srv/restic/', ['--sender', '-t', '--log-format=%i', '.', '/srv/restic/'], 'is looked at', /did not ask it for/],
    ['to delete', '/srv/restic/', ['-t', '--delete', '.', '/srv/restic/'], 'receives', /did not ask it for/],
    ['another folder', '/srv/restic/', ['-t', '.', '/'], 'receives', /did not ask it for/],
    ['a path with a blank, quoted', '/srv/the repository/', ['-t', '.', '/srv/the\\ repository/'], 'receives', 'rsync --server -t . /srv/the\\ repository/'],
    ['a path with a blank, as an old rsync says it', '/srv/the repository/', ['-t', '.', '/srv/the repository/'], 'receives', /does not quote the path/],
    ['a look at the same', '/srv/the repository/', ['--sender', '-t', '.', '/srv/the repository/'], 'is looked at', /does not quote the path/],
    ['a source whose operator quotes it himself', '/srv/the repository/', ['--sender', '-t', '.', '/srv/the repository/'], 'sends', 'rsync --server --sender -t . /srv/the repository/'],
  ];
  for (const [name, path, asked, does, command] of rows) {
    test(name, () => {
      const ask = (): string => remoteCommand([...way, ...asked], ssh, sent(0o700), { path, receives: does === 'receives', ...(does === 'is looked at' ? { isLiteral: true } : {}) });
      if (typeof command === 'string') assert.equal(ask(), command);
      else assert.throws(ask, command);
    });
  }
});
