/** A pass whose judging fails for a reason of this machine: what it had shown by then is judged all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Audit } from '../../src/audit/audit.ts';
import { auditPass } from '../../src/audit/passes.ts';
import { fileOf } from '../support/itemized.ts';
import { catalogueOf, reportOf, repository, type Tree } from '../support/trees.ts';

test('an error of the disk in the middle of a pass is the failure of the pass, and the deletion that came before it is found', async () => {
  const [gone, fresh] = [Object.keys(repository).find((path) => path.startsWith('snapshots/')) ?? assert.fail(), fileOf('snapshot', 'new')];
  const left = Object.fromEntries(Object.entries(repository).filter(([path]) => path !== gone));
  const source: Tree = { ...left, [fresh]: { type: 'file', size: 5, mtime: 5 } };
  const changes = reportOf(source, repository)[1].toSorted((one, other) => Number(other.kind === 'deletion') - Number(one.kind === 'deletion'));
  const audit = new Audit(catalogueOf(repository), { initialising: false, window: undefined }, () => {
    throw Object.assign(new Error('EIO: i/o error, lstat'), { code: 'EIO' });
  });
  const failed = await auditPass(audit, 1, async () => {
    for (const change of changes) audit.judge(change);
    return undefined;
  });
  assert.deepEqual([failed?.failure.message, failed?.mayGoOn], ['EIO: i/o error, lstat', false]);
  for (const pass of [1, 2, 3] as const) audit.fail(pass);
  assert.deepEqual(audit.verdict({}).findings.kept.filter(({ severity }) => severity === 'violation').map(({ rule, path }) => [rule, path]), [['deleted', gone]]);
});
