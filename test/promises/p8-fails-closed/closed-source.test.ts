/** A source on this machine that rsync may not read: said before the first night, and never as one warning per file and night. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { give, runAs } from '../../support/asked.ts';
import { type Finished, program, ratchet } from '../../support/cli.ts';
import { writeConfig } from '../../support/config.ts';
import { preparedRepository } from '../../support/restic.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { digest } from '../../support/tree.ts';

const isRoot = process.getuid?.() === 0;
const says = /source\/?\S* belongs to (?:user )?\S+ and is closed to /;

interface Case {
  readonly name: string;
  readonly folders: string;
  readonly files: string;
  readonly isOpen: boolean;
}

/** Of another user's where root runs the tests; else of our own, and closed to ourselves. */
const cases: readonly Case[] = isRoot
  ? [
    { name: 'all closed, as restic leaves it over sftp', folders: '700', files: '600', isOpen: false },
    { name: 'open folders with closed files', folders: '755', files: '600', isOpen: false },
    { name: 'open to root\'s group', folders: '750', files: '640', isOpen: true },
    { name: 'open to all', folders: '755', files: '644', isOpen: true },
  ]
  : [{ name: 'closed files', folders: '755', files: '000', isOpen: false }];

describe('a source that belongs to another user', () => {
  for (const { name, folders, files, isOpen } of cases) {
    test(`${name}: ${isOpen ? 'a night like any other' : 'config validate, doctor, init and sync say it, and nothing is made'}`, async (t) => {
      const folder = temporaryFolder(t);
      chmodSync(folder, 0o755);
      const { path } = await preparedRepository(join(folder, 'source'));
      const config = writeConfig(folder, path);
      const run = (...args: string[]): Promise<Finished> => ratchet(args, { config: config.file });
      if (isRoot) { give('ordinary', path); execFileSync('chgrp', ['-R', '0', path]); }
      execFileSync('find', [path, '-type', 'f', '-exec', 'chmod', files, '{}', '+']);
      execFileSync('find', [path, '-depth', '-type', 'd', '-exec', 'chmod', folders, '{}', '+']);
      if (isOpen) {
        for (const args of [['config', 'validate'], ['init', 'nightly'], ['sync']]) assert.equal((await run(...args)).code, 0, args.join(' '));
        return;
      }
      const [validated, looked, made] = [await run('config', 'validate'), await run('doctor'), await run('init', 'nightly')];
      assert.deepEqual([validated.code, looked.code, made.code], [2, 1, 1]);
      assert.match(validated.stderr, /config\.yaml:\d+:\d+: repositories\.nightly\.source: /);
      for (const text of [validated.stderr, looked.stdout, made.stderr]) assert.match(text, says);
      assert.equal(existsSync(config.replica), false);
    });
  }

  test('the nights of an ordinary user, and a folder that only its owner may enter', async (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o755);
    const { path } = await preparedRepository(join(folder, 'source'));
    const owned = join(folder, 'owned');
    mkdirSync(owned);
    const { file, replica } = writeConfig(owned, path);
    give('ordinary', owned);
    chmodSync(path, isRoot ? 0o700 : 0);
    await assert.rejects(runAs('ordinary', [process.execPath, program, '--config', file, 'init', 'nightly'], { HOME: owned }), says);
    assert.equal(existsSync(replica), false);
  });

  test('closed after the first nights: a failure that names it, no file is "not delivered"; sandbox: off reads it with root\'s powers', async (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o755);
    const repository = await preparedRepository(join(folder, 'source'));
    const { path } = repository;
    let config = writeConfig(folder, path);
    for (const args of [['init', 'nightly'], ['sync']]) assert.equal((await ratchet(args, { config: config.file })).code, 0);
    await repository.backup({ 'a file': 'content' });
    if (isRoot) give('ordinary', path);
    execFileSync('find', [path, '-type', 'f', '-exec', 'chmod', isRoot ? '600' : '000', '{}', '+']);
    const before = digest(config.replica, { without: ['.rsync-ratchet'] });
    const { code, stdout } = await ratchet(['--json', 'sync'], { config: config.file });
    const [run] = JSON.parse(stdout).runs;
    assert.deepEqual([code, run.findings], [1, []]);
    assert.match(run.error.message, says);
    assert.deepEqual(digest(config.replica, { without: ['.rsync-ratchet'] }), before);
    if (!isRoot) return;
    config = writeConfig(folder, path, { repositories: { nightly: { rsync: { sandbox: 'off' } } } });
    assert.deepEqual([(await ratchet(['config', 'validate'], { config: config.file })).code, (await ratchet(['sync'], { config: config.file })).code], [0, 0]);
  });
});
