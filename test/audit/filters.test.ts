/** rsync's filters and our own walk on trees of odd names: the books balance, whatever lies on either side. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Audit } from '../../src/audit/audit.ts';
import { hideRules } from '../../src/audit/filters.ts';
import { passes, placeOf } from '../../src/layout.ts';
import { exists } from '../../src/ratchet/replica.ts';
import { dryRun } from '../../src/audit/dry-run.ts';
import { walkReplica } from '../../src/audit/walk.ts';
import { idOf } from '../support/itemized.ts';
import { makeTree } from '../support/makeTree.ts';
import { boundsOf, contextOf } from '../support/rsyncContext.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { file, findingsOf, folder, repository, type Tree } from '../support/trees.ts';

const marked = 'a-tmp-'.padEnd(64, 'b');
const names = [
  'config', 'keys', 'index', 'snapshots', 'data', 'ab', '00', 'zz', 'aB', 'locks', 'tmp', '.rsync-ratchet', 'lost+found', idOf('old'), `ab${idOf('x').slice(2)}`, marked,
  'x-tmp-1', 'y-restic-temp-2', 'z.rest-server-temp3', 'x.partial', '.partial', 'partial', '.ignored', '*', '?', '[ab]', 'a\\b', 'a\\*b', 'new\nline', '\xff', ' ', '-x', 'plain',
];
const paths = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const trees = fc.array(fc.tuple(paths, fc.boolean()), { maxLength: 12 }).map((leaves): Tree => {
  const tree: Record<string, Tree[string]> = { ...repository };
  for (const [path, isFile] of leaves) {
    const parts = path.split('/');
    const above = parts.slice(0, -1).map((_, n) => parts.slice(0, n + 1).join('/'));
    if (above.some((one) => (tree[one] ?? folder).type !== 'folder') || tree[path] !== undefined) continue;
    for (const one of above) tree[one] = folder;
    // What is a folder of the layout is one on both sides: another type is another night.
    tree[path] = isFile && placeOf(path).of !== 'folder' ? file() : folder;
  }
  return tree;
});

/** A folder of the replica stays one on serverA: what took its place would have rsync clear it away. */
const agree = (source: Tree, replica: Tree): boolean => Object.entries(replica).every(([path, { type }]) => (source[path] ?? folder).type === type || type !== 'folder');

describe('filters and walk', () => {
  test('name everything once on trees of odd names', async (t) => {
    let n = 0;
    const below = temporaryFolder(t);
    await fc.assert(fc.asyncProperty(trees, trees, async (there, here) => {
      fc.pre(agree(there, here));
      const home = join(below, String(n++));
    mkdirSync(home);
      const [source, replica] = [join(home, 'source'), join(home, 'replica')];
      for (const [place, tree] of [[source, there], [replica, here]] as const) makeTree(place, tree);
      const context = contextOf(home, source, { ignore: ['.ignored'] });
      const audit = new Audit(walkReplica(replica, ['.ignored']), { initialising: true, window: { allowKeys: true } }, (path) => exists(replica, path));
      for (const pass of passes) {
        audit.begin(pass);
        assert.equal((await dryRun(context, pass, replica, boundsOf(), audit))?.failure.message, undefined);
      }
      const told = findingsOf(audit.verdict({}));
      assert.deepEqual(told.filter((finding) => /^!(?:unaccounted|inconsistent|refused)/.test(finding)), []);
      const foreign = told.filter((finding) => finding.startsWith('?foreign ')).map((finding) => finding.slice(9));
      for (const path of foreign) assert.ok(!foreign.includes(path.slice(0, path.lastIndexOf('/'))), `${path}: its folder is foreign and was looked into`);
    }), { numRuns: 12 });
  });

  test('hide just the folder that a rule names, whatever its name is', async (t) => {
    const odd = names.filter((name) => placeOf(name).of === 'outside' && !/[\n]|tmp|partial|temp|ratchet|locks|lost|ignored/.test(name));
    const below = temporaryFolder(t);
    const [source, replica] = [join(below, 'source'), join(below, 'replica')];
    makeTree(source, { ...repository, ...Object.fromEntries(odd.map((name) => [name, folder])) });
    makeTree(replica, repository);
    const context = contextOf(below, source, {});
    for (const hidden of odd) {
      const named: string[] = [];
      const judge = { judge: ({ path }: { path: string }) => { named.push(path); }, judgeUnchanged: () => false };
      assert.equal(await dryRun(context, 2, replica, boundsOf(), judge, { hidden: [hidden] }), undefined);
      assert.deepEqual(named.filter((path) => odd.includes(path)).sort(), odd.filter((name) => name !== hidden).sort(), hideRules([hidden]));
    }
  });
});
