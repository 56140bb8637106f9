/** Who is told of which night. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { alarmTime, addPack, anyOf, clockAhead, hashOf, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { openWindow, prune, tombstones } from '../../support/prune.ts';
import { startSmtp } from '../../support/smtp.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

const day = 24 * 3600 * 1000;

async function subjectsAfter(night: Night, env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const before = night.config.mails().length;
  await night.sync([], { env });
  return night.config.mails().slice(before).map(({ subject }) => subject.replace(` nightly on ${hostname()}`, ''));
}

const onSuccess = (when: string): { changes: { alerts: { email: { onSuccess: string } } } } => ({ changes: { alerts: { email: { onSuccess: when } } } });

test('good nights mail nobody, failures and alarms mail every time', async (t) => {
  const night = await serverA.night(t);
  const { path } = night.repository;
  assert.deepEqual(await subjectsAfter(night), []);
  addPack(path);
  assert.deepEqual(await subjectsAfter(night), []);
  const snapshot = anyOf(path, 'snapshots');
  rmSync(join(path, snapshot));
  assert.deepEqual(await subjectsAfter(night), ['[ALARM]: 1 deleted']);
  assert.deepEqual(await subjectsAfter(night), [`[ALARM]: 1 deleted; the alarm of ${alarmTime(night)} UTC (deleted) still stands`]);
  rmSync(join(night.replica, '.rsync-ratchet/replica.json'));
  for (let n = 0; n < 2; n += 1) assert.match((await subjectsAfter(night)).join(), /^\[FAILED\]: .* has no marker[^,]*, or not mounted$/);
});

test('warnings mail when they differ from the last night\'s, else once a week', async (t) => {
  const night = await serverA.night(t);
  const stray = (name: string): string => join(night.replica, name);
  writeFileSync(stray('one'), '');
  assert.deepEqual(await subjectsAfter(night), ['[WARNING]: nothing new; 1 stray']);
  assert.deepEqual(await subjectsAfter(night), []);
  writeFileSync(stray('two'), '');
  assert.deepEqual(await subjectsAfter(night), ['[WARNING]: nothing new; 2 stray']);
  assert.deepEqual(await subjectsAfter(night), []);
  rmSync(stray('one'));
  assert.deepEqual(await subjectsAfter(night), ['[WARNING]: nothing new; 1 stray'], 'another one than in the first night');
  assert.deepEqual(await subjectsAfter(night, clockAhead(6.9 * day)), []);
  assert.deepEqual(await subjectsAfter(night, clockAhead(7.1 * day)), ['[WARNING]: nothing new; 1 stray']);
  assert.deepEqual(await subjectsAfter(night, clockAhead(13.9 * day)), []);
  assert.deepEqual(await subjectsAfter(night, clockAhead(14.3 * day)), ['[WARNING]: nothing new; 1 stray']);
});

test('warnings that went away and came back mail again', async (t) => {
  const night = await serverA.night(t);
  const stray = join(night.replica, 'stray');
  writeFileSync(stray, '');
  assert.equal((await subjectsAfter(night)).length, 1);
  rmSync(stray);
  assert.deepEqual(await subjectsAfter(night), []);
  writeFileSync(stray, '');
  assert.equal((await subjectsAfter(night)).length, 1);
});

test('onSuccess: always mails each good night', async (t) => {
  const night = await serverA.night(t, onSuccess('always'));
  assert.deepEqual(await subjectsAfter(night), ['[OK]: nothing new']);
  addPack(night.repository.path);
  assert.deepEqual(await subjectsAfter(night), ['[OK]: 1 new file (1000 B) admitted']);
});

test('onSuccess: recovery mails the first good night after a bad one', async (t) => {
  const night = await serverA.night(t, onSuccess('recovery'));
  assert.deepEqual(await subjectsAfter(night), []);
  const aside = join(night.repository.path, 'aside');
  writeFileSync(aside, '');
  assert.deepEqual(await subjectsAfter(night), ['[WARNING]: nothing new; 1 foreign']);
  rmSync(aside);
  assert.deepEqual(await subjectsAfter(night), ['[OK]: nothing new']);
  assert.deepEqual(await subjectsAfter(night), []);
});

test('without a mail in the configuration nobody is told, and the exit code is the same', async (t) => {
  const night = await serverA.night(t, { changes: { alerts: undefined } });
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'data')));
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.alerts], [3, { sent: 0, spooled: 0 }]);
});

test('an alarm mail names repository, host, run, what was found, what was not done, the road back and the journal\'s head', async (t) => {
  const night = await serverA.night(t);
  const { path } = night.repository;
  const packs = readdirSync(join(path, 'data'), { recursive: true, encoding: 'utf8' }).filter((name) => name.length > 60);
  for (const pack of packs) rmSync(join(path, 'data', pack));
  for (let n = 0; n < 60; n += 1) addPack(night.replica);
  const { run } = await night.sync();
  const deleted = packs.length + 60;
  const [mail, ...more] = night.config.mails();
  assert.deepEqual([more.length, mail?.subject], [0, `[ALARM] nightly on ${hostname()}: ${deleted} deleted`]);
  const text = mail?.text ?? '';
  for (const words of ['nightly', hostname(), run.runId, night.replica, 'Nothing was fetched, nothing was admitted, nothing was removed', 'The road back: deleted', `rsync-ratchet --config ${night.config.file} sync nightly`]) {
    assert.ok(text.includes(words), `${words}: ${text}`);
  }
  assert.equal(text.split('\n').filter((line) => line.startsWith('  - data/')).length, 50);
  assert.ok(text.includes(`... and ${deleted - 50} more`), text);
  const journal = readFileSync(join(night.config.state, 'nightly/journal.jsonl'), 'utf8').trimEnd().split('\n');
  const end = journal.findIndex((line) => line.includes(run.runId) && line.includes('"event":"finished"'));
  assert.ok(text.includes(hashOf(Buffer.from(journal[end] ?? ''))), text);
  assert.equal(mail?.headers.get('auto-submitted'), 'auto-generated');
  assert.match(mail.headers.get('message-id') ?? '', new RegExp(`^<${run.runId}\\.nightly@`));
});

test('mails go out over SMTP with STARTTLS and a login, and only to a server that can prove itself', async (t) => {
  const smtp = await startSmtp({ tls: 'starttls', auth: { user: 'ratchet', pass: 'mellon' } });
  t.after(() => smtp.stop());
  const night = await serverA.night(t, { changes: { alerts: { email: {
    directory: undefined,
    smtp: { host: 'localhost', port: smtp.port, tls: 'required', user: 'ratchet', passwordFile: 'smtp.password' },
  } } } });
  const password = join(night.folder, 'smtp.password');
  writeFileSync(password, 'mellon\n');
  chmodSync(password, 0o600);
  rmSync(join(night.repository.path, anyOf(night.repository.path, 'keys')));
  const unproven = await night.sync();
  assert.deepEqual([unproven.code, unproven.run.alerts, smtp.messages.length], [3, { sent: 0, spooled: 1 }, 0]);
  assert.match(unproven.stderr, /the alert "\[ALARM\] .*" was not delivered: .*certificate/);
  const { code, run } = await night.sync([], { env: { NODE_EXTRA_CA_CERTS: smtp.certificateFile } });
  assert.deepEqual([code, run.alerts], [3, { sent: 1, spooled: 0 }]);
  for (const { secure, user, envelope } of smtp.messages) {
    assert.deepEqual([secure, user, envelope], [true, 'ratchet', { from: 'ratchet@serverb.test', to: ['ops@example.test'] }]);
  }
  const alarm = `[ALARM] nightly on ${hostname()}: 1 pinned`;
  const subjects = smtp.messages.map(({ subject }) => subject);
  assert.deepEqual(subjects, [alarm, `${alarm}; the alarm of ${alarmTime(night)} UTC (pinned) still stands`], 'what had waited goes first');
});

test('deletions that a killed run accepted are told by the next one, once', async (t) => {
  const night = await serverA.night(t);
  await openWindow(night);
  const { gone } = await prune(night);
  const killer = fileURLToPath(new URL('../../support/killer.mjs', import.meta.url));
  const env = { NODE_OPTIONS: `--import ${killer}`, KILL_BELOW: join(night.config.state, 'spool'), KILL_BEFORE: '1' };
  assert.equal((await night.run(['sync'], { env })).signal, 'SIGKILL');
  assert.deepEqual(night.config.mails(), []);
  assert.equal((await night.sync()).code, 0);
  const [mail, ...more] = night.config.mails();
  assert.equal(more.length, 0);
  assert.match(mail?.text ?? '', new RegExp(`\nDeletions that no mail has told of yet\n  The run \\S+ accepted ${gone.length} deletions and ended before it could tell you\\.\n`));
  const [{ run } = { run: '' }] = await tombstones(night);
  assert.ok(mail?.text.includes(`rsync-ratchet --config ${night.config.file} tombstones keep nightly --run ${run}\n`), mail?.text);
  assert.equal((await night.sync()).code, 0);
  assert.equal(night.config.mails().length, 1);
});
