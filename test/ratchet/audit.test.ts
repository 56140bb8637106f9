/** The nights of test/support/nights.ts with the rsync of this machine and our own walk, through a local source. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Audit } from '../../src/audit/audit.ts';
import { passes } from '../../src/layout.ts';
import { exists } from '../../src/ratchet/replica.ts';
import { walkReplica } from '../../src/audit/walk.ts';
import { dryRun } from '../../src/audit/dry-run.ts';
import { makeTree } from '../support/makeTree.ts';
import { nights } from '../support/nights.ts';
import { boundsOf, contextOf } from '../support/rsyncContext.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digest } from '../support/tree.ts';
import { findingsOf } from '../support/trees.ts';

describe('the rsync of this machine', () => {
  for (const night of nights) {
    test(night.name, async (t) => {
      const folder = temporaryFolder(t);
      const [source, replica] = [join(folder, 'so urce'), join(folder, 'rep lica')];
      makeTree(source, night.source);
      makeTree(replica, night.replica);
      const before = [digest(source), digest(replica)];
      const context = contextOf(folder, source, { ignore: night.ignore });
      const audit = new Audit(walkReplica(replica, night.ignore), { initialising: night.initialising, window: undefined }, (path) => exists(replica, path));
      for (const pass of passes) {
        audit.begin(pass);
        assert.equal(await dryRun(context, pass, replica, boundsOf(), audit), undefined);
      }
      assert.deepEqual(findingsOf(audit.verdict({})), night.findings);
      assert.deepEqual([digest(source), digest(replica)], before);
    });
  }
});
