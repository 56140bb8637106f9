/** Which files a give-back is about. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { State } from '../../src/ratchet/state.ts';
import { scopeOf } from '../../src/rescue/scope.ts';
import { temporaryFolder } from '../support/temporary.ts';

const pack = `data/ab/ab${'0'.repeat(62)}`;
const snapshot = `snapshots/${'1'.repeat(64)}`;
const all = ['config', pack, snapshot];

describe('the files of an alarm', () => {
  const rows: readonly (readonly [name: string, found: readonly string[], meant: readonly string[] | RegExp])[] = [
    ['a file', [pack], [pack]],
    ['config, and a name that is none of the repository', ['config', '../../etc/passwd'], ['config']],
    ['a folder, for what is in it', ['data/ab'], [pack]],
    ['a folder of the first level', ['snapshots'], [snapshot]],
    ['a finding of no file at all', [''], /names no file of the repository/],
    ['names that restic does not use', ['note.txt'], /names no file of the repository/],
  ];
  for (const [name, found, meant] of rows) {
    test(name, (t) => {
      const state = new State(temporaryFolder(t), 'nightly');
      mkdirSync(join(state.folder), { recursive: true });
      const findings = found.map((path) => ({ severity: 'violation', rule: 'deleted', path, message: '' }) as const);
      state.setAlarm({ version: 1, runId: '20261129T000000Z-0000', since: '2026-11-29T00:00:00.000Z', rules: ['deleted'], findings, messageId: '<a@b>' });
      const of = (): string[] => all.filter((path) => scopeOf(state, 'nightly').has(path));
      if (meant instanceof RegExp) assert.throws(of, meant);
      else assert.deepEqual(of(), meant);
    });
  }

  test('what the run of the alarm did not read because the alarm came first: another time, and nothing else', (t) => {
    const state = new State(temporaryFolder(t), 'nightly');
    const runId = '20261129T000000Z-0000';
    const found = [
      { severity: 'violation', rule: 'deleted', path: pack, message: '' },
      { severity: 'note', rule: 'suspect', path: snapshot, message: '' },
      { severity: 'note', rule: 'known', path: 'config', message: '' },
    ] as const;
    mkdirSync(join(state.folder, 'runs', runId), { recursive: true });
    writeFileSync(join(state.folder, 'runs', runId, 'findings.jsonl'), found.map((one) => `${JSON.stringify(one)}\n`).join(''));
    state.setAlarm({ version: 1, runId, since: '2026-11-29T00:00:00.000Z', rules: ['deleted'], findings: [found[0]], messageId: '<a@b>' });
    assert.deepEqual(all.filter((one) => scopeOf(state, 'nightly').has(one)), [pack, snapshot]);
  });
});
