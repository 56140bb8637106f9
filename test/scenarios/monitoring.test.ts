/** Nights that machines watch: pings, metrics, and a serverA that stands still. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { localNight, type LocalNight } from '../support/localNight.ts';
import { clockAhead } from '../support/night.ts';
import { temporaryFolder } from '../support/temporary.ts';

const day = 24 * 3600 * 1000;

interface Heard {
  readonly path: string;
  readonly rid: string;
}

async function monitor(t: TestContext): Promise<{ urlFile: string; heard: Heard[] }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    heard.push({ path: url.pathname, rid: url.searchParams.get('rid') ?? '' });
    response.end('OK');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  const urlFile = join(temporaryFolder(t), 'url');
  writeFileSync(urlFile, `http://127.0.0.1:${(server.address() as AddressInfo).port}/the-secret\n`, { mode: 0o600 });
  return { urlFile, heard };
}

/** The samples of the metrics file, by what stands before the value. */
function metricsOf(night: LocalNight): Record<string, number> {
  const lines = readFileSync(join(night.folder, 'ratchet.prom'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')).replace('rsync_ratchet_', '').replace('{repository="nightly"}', ''), Number(line.slice(line.lastIndexOf(' ')))]));
}

const watched = (folder: string, urlFile?: string) => ({ monitoring: { metricsFile: join(folder, 'ratchet.prom'), ...(urlFile === undefined ? {} : { ping: { urlFile } }) } });

async function watchedNight(t: TestContext, urlFile?: string): Promise<LocalNight> {
  const night = await localNight(t);
  night.configure(watched(night.folder, urlFile));
  return night;
}

test('a night pings when it starts and how it ends, and the address is printed nowhere', async (t) => {
  const { urlFile, heard } = await monitor(t);
  const night = await watchedNight(t, urlFile);
  const good = await night.run(['--verbose', 'sync']);
  assert.deepEqual([good.code, heard.map(({ path }) => path)], [0, ['/the-secret/start', '/the-secret']]);
  assert.equal(heard[0]?.rid, heard[1]?.rid);
  renameSync(night.repository.path, `${night.repository.path}.away`);
  const failed = await night.run(['--verbose', 'sync']);
  assert.deepEqual([failed.code, heard.slice(2).map(({ path }) => path)], [1, ['/the-secret/start', '/the-secret/fail']]);
  assert.notEqual(heard[2]?.rid, heard[0]?.rid);
  await night.run(['audit']);
  await night.run(['status']);
  assert.equal(heard.length, 4, 'who only asks does not ping');
  for (const { stdout, stderr } of [good, failed]) assert.doesNotMatch(stdout + stderr, /the-secret/);
});

test('a monitor that is not there is a warning and changes no exit code', async (t) => {
  const urlFile = join(temporaryFolder(t), 'url');
  writeFileSync(urlFile, 'http://127.0.0.1:1/the-secret', { mode: 0o600 });
  const night = await watchedNight(t, urlFile);
  const { code, stderr } = await night.run(['sync']);
  assert.equal(code, 0);
  assert.match(stderr, /^warning: the start ping failed: no connection \(.*\) \(monitoring\.ping\)\nwarning: the success ping failed: .*\n$/);
});

test('the metrics tell of a good night, a failure, an alarm and its end', async (t) => {
  const night = await watchedNight(t);
  const file = join(night.folder, 'ratchet.prom');
  assert.equal((await night.run(['sync'])).code, 0);
  const good = metricsOf(night);
  assert.equal(statSync(file).mode & 0o7777, 0o644);
  assert.deepEqual([good['last_exit_code'], good['alarm_raised'], good['spooled_alerts'], good['last_quarantined_files']], [0, 0, 0, 0]);
  assert.ok((good['last_new_files'] ?? 0) > 30 && good['last_completion_timestamp_seconds'] === good['last_success_timestamp_seconds']);
  assert.ok((good['replica_files{repository="nightly",type="snapshot"}'] ?? 0) > 0 && (good['newest_snapshot_timestamp_seconds'] ?? 0) > 0);
  renameSync(night.repository.path, `${night.repository.path}.away`);
  assert.equal((await night.run(['sync'])).code, 1);
  const failed = metricsOf(night);
  assert.deepEqual([failed['last_exit_code'], failed['last_success_timestamp_seconds']], [1, good['last_success_timestamp_seconds']]);
  assert.ok((failed['last_completion_timestamp_seconds'] ?? 0) > (good['last_completion_timestamp_seconds'] ?? 0));
  assert.equal(failed['replica_files{repository="nightly",type="snapshot"}'], good['replica_files{repository="nightly",type="snapshot"}']);
  renameSync(`${night.repository.path}.away`, night.repository.path);
  renameSync(join(night.repository.path, 'snapshots'), join(night.folder, 'snapshots'));
  mkdirSync(join(night.repository.path, 'snapshots'));
  assert.equal((await night.run(['sync'])).code, 3);
  assert.deepEqual([metricsOf(night)['last_exit_code'], metricsOf(night)['alarm_raised']], [3, 1]);
  assert.equal((await night.run(['acknowledge', 'nightly', '--reason', 'a test'])).code, 0);
  assert.equal(metricsOf(night)['alarm_raised'], 0);
  await night.run(['prune-window', 'open', 'nightly', '--for', '1h']);
  assert.equal(metricsOf(night)['prune_window_open'], 1);
  assert.ok(!existsSync(`${file}.new`));
});

test('a failure is in the metrics even where the journal cannot be written, and an alert that waits is counted', async (t) => {
  const night = await watchedNight(t);
  assert.equal((await night.run(['sync'])).code, 0);
  const journal = join(night.state, 'nightly/journal.jsonl');
  renameSync(journal, `${journal}.away`);
  mkdirSync(journal);
  night.configure({ ...watched(night.folder), alerts: { email: { directory: undefined, smtp: { host: '127.0.0.1', port: 1 } } } });
  assert.equal((await night.run(['sync'])).code, 1);
  const blind = metricsOf(night);
  assert.deepEqual([blind['last_exit_code'], blind['alarm_raised'], blind['spooled_alerts']], [1, undefined, undefined], 'books that cannot be read give no figures');
  renameSync(journal, join(night.folder, 'folder'));
  renameSync(`${journal}.away`, journal);
  chmodSync(night.repository.path, 0o700);
  renameSync(night.repository.path, `${night.repository.path}.away`);
  assert.equal((await night.run(['sync'])).code, 1);
  const figures = metricsOf(night);
  assert.deepEqual([figures['last_exit_code'], figures['spooled_alerts']], [1, 2]);
});

test('a folder for metrics that is not there is a warning', async (t) => {
  const night = await localNight(t);
  night.configure({ monitoring: { metricsFile: '/nowhere/x.prom' } });
  const { code, stderr } = await night.run(['sync']);
  assert.equal(code, 0);
  assert.match(stderr, /^warning: the metrics file \/nowhere\/x\.prom could not be written: /);
});

test('a serverA that stands still is a warning once alerts.freshness has passed, and a new snapshot ends it', async (t) => {
  const night = await localNight(t);
  night.configure({ alerts: { freshness: '48h' } });
  assert.deepEqual((await night.run(['--json', 'sync'])).json().runs[0].findings, []);
  assert.equal((await night.run(['sync'], { env: clockAhead(day) })).code, 0);
  const stale = await night.run(['--json', 'sync'], { env: clockAhead(3 * day) });
  const [run] = stale.json().runs;
  assert.deepEqual([stale.code, run.outcome, run.findings.map((finding: { rule: string }) => finding.rule)], [4, 'warned', ['stale']]);
  const mails = night.config.mails();
  assert.match(mails.at(-1)?.subject ?? '', /^\[WARNING\] nightly on \S+: nothing new; 1 stale$/);
  assert.equal((await night.run(['sync'], { env: clockAhead(3.5 * day) })).code, 4);
  assert.equal(night.config.mails().length, mails.length, 'the same warning is mailed once a week');
  await night.repository.backup({ 'a file': 'new' });
  assert.equal((await night.run(['sync'], { env: clockAhead(4 * day) })).code, 0);
  assert.equal((await night.run(['sync'], { env: clockAhead(5 * day) })).code, 0);
});
