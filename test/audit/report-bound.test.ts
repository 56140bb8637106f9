/** A report that is cut exactly at a line's end, with nothing but new names behind it: the books balance, and the pass fails. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Audit } from '../../src/audit/audit.ts';
import { dryRun } from '../../src/audit/dry-run.ts';
import { walkReplica } from '../../src/audit/walk.ts';
import { Locks } from '../../src/programs/lock.ts';
import { ReportFile } from '../../src/programs/report-file.ts';
import { Failure } from '../../src/errors.ts';
import { folderOnDisk } from '../support/diskFolder.ts';
import { makeTree } from '../support/makeTree.ts';
import { boundsOf, contextOf } from '../support/rsyncContext.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { file, findingsOf, folder, type Tree } from '../support/trees.ts';

const pack = (digits: string): string => `data/${digits}/${digits.repeat(32)}`;
const replicaTree: Tree = { data: folder, 'data/00': folder, 'data/ff': folder, [pack('00')]: file() };
const sourceTree: Tree = { ...replicaTree, ...Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`data/ff/ff${String(n).repeat(62)}`, file()])) };

interface Pass { readonly audit: Audit; readonly file: ReportFile; readonly failure: Failure | undefined; readonly text: string }

/** Pass 3 of the two trees, its report in a file of so many bytes. */
async function passWith(t: TestContext, bytes: number, ready?: Promise<Failure | undefined>): Promise<Pass | undefined> {
  const disk = folderOnDisk(t);
  if (disk === undefined) { t.diagnostic('no disk here'); return undefined; }
  const root = temporaryFolder(t);
  const [source, replica, lock, path] = [join(root, 'source'), join(root, 'replica'), join(root, 'lock'), join(disk, 'report-3')];
  makeTree(source, sourceTree);
  makeTree(replica, replicaTree);
  const locks = new Locks(lock);
  await locks.take(lock);
  t.after(() => locks.close());
  const reserved = await ReportFile.reserve(path, bytes, locks.reserve);
  assert.ok(reserved instanceof ReportFile);
  const audit = new Audit(walkReplica(replica, []), { initialising: false, window: undefined }, () => false);
  audit.begin(3);
  const failed = await dryRun(contextOf(root, source), 3, replica, boundsOf(), audit, { file: reserved, ready });
  reserved.close();
  return { audit, file: reserved, failure: failed?.failure, text: readFileSync(path, 'latin1') };
}

test('at the end of each line', async (t) => {
  const whole = await passWith(t, 2 ** 20);
  if (whole === undefined) return;
  assert.equal(whole.failure, undefined);
  assert.equal(whole.audit.verdict({}).counts.new, 5);
  const lines = whole.text.split(/(?<=\n)/);
  assert.equal(lines.length, 10);
  for (let kept = 5; kept < lines.length; kept++) {
    const cut = await passWith(t, lines.slice(0, kept).join('').length);
    assert.ok(cut);
    assert.deepEqual(cut.text.split(/(?<=\n)/).map((line) => line.slice(24)), lines.slice(0, kept).map((line) => line.slice(24)));
    assert.match(cut.failure?.message ?? '', /reached its bound of \d+ B/, `${kept} lines`);
    assert.deepEqual(findingsOf(cut.audit.verdict({})), [], 'nothing else says so');
  }
});

test('a walk that fails is the failure of the pass: nothing is judged by half of it', async (t) => {
  const why = new Failure('no walk', '');
  const judged = await passWith(t, 2 ** 20, Promise.resolve(why));
  if (judged === undefined) return;
  assert.equal(judged.failure, why);
  assert.equal(judged.audit.verdict({}).counts.unchanged, 0);
});
