/** P5 with a program that tells the password: asked for once a night in which there is something to read, and without it nothing enters. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ServerA, startServerA } from '../../support/night.ts';
import { passwordFile, provingNight } from '../../support/proof.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

test('a night with new files asks for the password once; where it is not told the night fails, and the replica is as it was', async (t) => {
  const folder = temporaryFolder(t);
  const [program, asked] = [join(folder, 'vault'), join(folder, 'asked')];
  const tells = (how: string): void => { writeFileSync(program, `#!/bin/sh\necho "$(id -u)" >> ${asked}\n${how}\n`, { mode: 0o700 }); };
  const times = (): number => (existsSync(asked) ? readFileSync(asked, 'utf8').trim().split('\n').length : 0);
  tells(`exec cat ${passwordFile()}`);
  const night = await provingNight(serverA, t, { restic: { passwordFile: undefined, passwordCommand: [program] } });
  assert.equal((await night.sync()).code, 0); // its check is due
  const first = times();
  assert.equal((await night.sync()).run.outcome, 'unchanged');
  assert.equal(times(), first, 'nothing to read, nothing asked');

  await night.repository.backup({ 'a file': 'content' });
  const quiet = night.replicaNow();
  tells('echo "vault is sealed" >&2; exit 1');
  const sealed = await night.sync();
  assert.deepEqual([sealed.code, sealed.run.outcome], [1, 'failed']);
  assert.match(sealed.stderr, /restic\.passwordCommand: .*vault ended with 1: vault is sealed/);
  assert.deepEqual(night.replicaNow(), quiet);

  tells(`exec cat ${passwordFile()}`);
  const before = times();
  const good = await night.sync();
  assert.deepEqual([good.run.outcome, good.run.proof, times() - before], ['synced', 'passed', 1], good.stderr);
  assert.equal((await night.run(['check'])).code, 0);
});
