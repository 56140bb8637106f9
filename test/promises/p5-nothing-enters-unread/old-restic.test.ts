/** A restic that is too old to be believed (its check compares no sizes) proves nothing: refused by sync, check and doctor, with the reason. */
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { anyOf, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { damage, provingNight } from '../../support/proof.ts';
import { journal } from '../../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** A restic that says this of its version, writes down what it was asked, and works like the real one. */
function saying(night: Night, version: string): string {
  const path = join(night.folder, 'restic');
  const asked = join(night.folder, 'asked');
  writeFileSync(`${path}.new`, `#!/bin/sh\n[ "$1" != version ] || { echo version >> '${asked}'; echo 'restic ${version} compiled with go1.19 on linux/amd64'; exit; }\nexec /usr/bin/restic "$@"\n`);
  chmodSync(`${path}.new`, 0o755);
  renameSync(`${path}.new`, path);
  return path;
}

const asked = (night: Night): number => (existsSync(join(night.folder, 'asked')) ? readFileSync(join(night.folder, 'asked'), 'utf8').trim().split('\n').length : 0);

async function nightWith(t: Parameters<ServerA['night']>[0], version: string): Promise<Night> {
  const night = await provingNight(serverA, t, {});
  const path = saying(night, version);
  const config = JSON.parse(readFileSync(night.config.file, 'utf8')) as { repositories: { nightly: { restic: Record<string, unknown> } } };
  config.repositories.nightly.restic['path'] = path;
  writeFileSync(night.config.file, JSON.stringify(config), { mode: 0o600 });
  return night;
}

test('with restic 0.11 sync fails with the reason: nothing is fetched, nothing enters, and the operator hears of it', async (t) => {
  const night = await nightWith(t, '0.11.0');
  await night.repository.backup({ 'new.txt': 'new' });
  const before = night.replicaNow();
  const { code, run, stderr } = await night.sync();
  assert.equal(code, 1);
  assert.match(stderr, /restic 0\.11\.0 is too old \(0\.14\.0 is needed\): its check compares no sizes/);
  assert.deepEqual(run.fetched, { files: 0, bytes: 0 });
  assert.deepEqual([night.replicaNow(), night.unfinished()], [before, []]);
  assert.match(night.config.mails().at(-1)?.text ?? '', /too old/);
});

test('what was seen stays seen: with restic 0.11 a changed pack still raises the alarm', async (t) => {
  const night = await nightWith(t, '0.11.0');
  damage(join(night.repository.path, anyOf(night.repository.path, 'data')));
  const before = night.replicaNow();
  const { code } = await night.sync();
  assert.equal(code, 3);
  assert.deepEqual(night.replicaNow(), before);
});

test('the command check is refused too, and doctor says what the version lacks', async (t) => {
  const night = await nightWith(t, '0.13.1');
  const { code, stderr } = await night.run(['check']);
  assert.equal(code, 1);
  assert.match(stderr, /restic 0\.13\.1 is too old \(0\.14\.0 is needed\)/);
  const { checkups } = (await night.run(['--json', 'doctor'])).json() as { checkups: { item: string; standing: string; message: string; mend: string }[] };
  const restic = checkups.find(({ item }) => item === 'restic');
  assert.equal(restic?.standing, 'bad');
  assert.match(restic.message, /its check compares no sizes/);
  assert.match(restic.mend, /restic\.path/);
});

test('restic is asked for its version once, and again when it is another file', async (t) => {
  const night = await nightWith(t, '0.14.0');
  const nights = async (): Promise<void> => { for (let n = 0; n < 2; n += 1) assert.notEqual((await night.sync()).code, 1); };
  await nights();
  assert.equal(asked(night), 1);
  saying(night, '0.18.0');
  appendFileSync(join(night.folder, 'restic'), '# another size\n');
  await nights();
  assert.equal(asked(night), 2);
  assert.deepEqual(journal(night).filter(({ event }) => event === 'restic').map((line) => line.version), ['0.14.0', '0.18.0']);
});
