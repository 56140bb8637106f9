/** An alarm stays raised: nothing enters and nothing leaves until an operator on serverB acknowledges it. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addPack, anyOf, assertFailed, assertRefused, clockAhead, type Judged, type Night, type ServerA, startServerA } from '../../support/night.ts';
import { day, ending, grace, journal, openWindow, prune, rulesOf, tombstones } from '../../support/prune.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** Takes a pack away from serverA; the function that puts it back. */
function taken(night: Night): { readonly pack: string; readonly putBack: () => void } {
  const pack = anyOf(night.repository.path, 'data');
  const [file, aside] = [join(night.repository.path, pack), join(night.folder, 'aside')];
  renameSync(file, aside);
  return { pack, putBack: () => { cpSync(aside, file, { preserveTimestamps: true }); } };
}

const alarmFile = (night: Night): string => join(night.config.state, 'nightly/alarm.json');
const acknowledge = async (night: Night, env = {}): Promise<string> => {
  const { code, stdout } = await night.run(['acknowledge', 'nightly', '--reason', 'restored from tape'], { env });
  assert.equal(code, 0);
  return stdout;
};

/** A night beside an alarm: exit 3, nothing came in, nothing went, one mail in the alarm's thread. */
async function assertStands(night: Night, violations: readonly string[] = []): Promise<Judged> {
  const [before, mails] = [night.replicaNow(), night.config.mails().length];
  const tonight = await night.sync();
  assert.deepEqual([tonight.code, tonight.run.outcome, rulesOf(tonight)], [3, 'alarm', violations]);
  assert.deepEqual([tonight.run.fetched.files, tonight.run.admitted.files, tonight.run.tombstones.expired], [0, 0, 0]);
  assert.deepEqual([night.replicaNow(), night.unfinished()], [before, []]);
  const [first, ...others] = night.config.mails().slice(mails);
  assert.ok(first !== undefined && others.length === 0, 'one mail');
  const [raised] = night.config.mails();
  assert.equal(first.headers.get('references'), raised?.headers.get('message-id'));
  assert.equal(first.headers.get('in-reply-to'), raised?.headers.get('message-id'));
  assert.match(first.subject, /the alarm of \d{4}-\d\d-\d\d \d\d:\d\d UTC \(deleted\) still stands/);
  return tonight;
}

test('an alarm stays raised after serverA was put back; acknowledged, the next night syncs what was missed', async (t) => {
  const night = await serverA.night(t);
  const { pack, putBack } = taken(night);
  const mail = await assertRefused(night, [`deleted ${pack}`]);
  assert.equal(mail.headers.get('references'), undefined, 'the first of its thread');
  const { runId } = (await assertStands(night, ['deleted'])).run.alarm;
  putBack();
  const quiet = await assertStands(night);
  assert.deepEqual([quiet.run.alarm.runId, quiet.run.alarm.rules], [runId, ['deleted']]);
  await assertStands(night);
  const ids = new Set(night.config.mails().map(({ headers }) => headers.get('message-id')));
  assert.deepEqual([ids.size, night.config.mails().length], [4, 4]);
  assert.match(await acknowledge(night), new RegExp(`^nightly: the alarm of run ${runId} \\(deleted\\) is lowered; next: rsync-ratchet sync nightly\\n$`));
  assert.ok(!existsSync(alarmFile(night)));
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 0, 0, 0, 0]);
  assert.equal(night.config.mails().length, 4);
  assert.match(await acknowledge(night), /^nightly: no alarm is raised; nothing was changed\n$/);
  const told = journal(night).filter(({ event }) => event === 'alarm-raised' || event === 'acknowledged');
  assert.deepEqual(told.map(({ event, reason, alarm, runId: run }) => [event, reason, alarm ?? run]), [
    ['alarm-raised', undefined, runId], ['acknowledged', 'restored from tape', runId],
  ]);
  assert.ok(typeof told[1].who === 'string' && told[1].who !== '');
});

test('what is still wrong raises the next alarm, with a thread of its own', async (t) => {
  const night = await serverA.night(t);
  const { pack } = taken(night);
  const first = await assertRefused(night, [`deleted ${pack}`]);
  await acknowledge(night);
  const second = await assertRefused(night, [`deleted ${pack}`]);
  assert.equal(second.headers.get('references'), undefined);
  assert.notEqual(second.headers.get('message-id'), first.headers.get('message-id'));
});

test('an acknowledgement needs a reason', async (t) => {
  const night = await serverA.night(t);
  const { pack } = taken(night);
  await assertRefused(night, [`deleted ${pack}`]);
  assert.equal((await night.run(['acknowledge', 'nightly'])).code, 2);
  const { code, stderr } = await night.run(['acknowledge', 'nightly', '--reason', ' ']);
  assert.deepEqual([code, stderr.includes('--reason must say what it was')], [2, true], stderr);
  assert.ok(existsSync(alarmFile(night)));
});

test('beside an alarm an open window accepts nothing', async (t) => {
  const night = await serverA.night(t);
  const { putBack } = taken(night);
  assert.equal((await night.sync()).code, 3);
  putBack();
  await openWindow(night);
  await prune(night);
  const tonight = await assertStands(night);
  assert.deepEqual([tonight.run.tombstones.added, tonight.run.window.used, await tombstones(night)], [0, 0, []]);
  await acknowledge(night);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 9, 0, 0, 9]);
});

test('nothing leaves beside an alarm, and due dates move on by as long as it stood', async (t) => {
  const night = await serverA.night(t, grace('2d'));
  const later = (days: number): Promise<Judged> => night.sync([], { env: clockAhead(days * day) });
  await openWindow(night);
  await prune(night);
  assert.deepEqual(ending(await night.sync()), [0, 'synced', 9, 0, 0, 9]);
  const [due] = (await tombstones(night)).map((stone) => Date.parse(stone.due ?? ''));
  const { putBack } = taken(night);
  assert.equal((await night.run(['prune-window', 'close', 'nightly'])).code, 0);
  const whole = night.replicaNow();
  assert.equal((await later(1)).code, 3);
  putBack();
  assert.deepEqual(ending(await later(4)), [3, 'alarm', 0, 0, 0, 9]);
  assert.deepEqual(night.replicaNow(), whole);
  await acknowledge(night, clockAhead(5 * day));
  const moved = (await tombstones(night)).map((stone) => Date.parse(stone.due ?? '') - (due ?? 0));
  for (const by of moved) assert.ok(Math.abs(by - 4 * day) < 120_000, `moved on by ${by} ms`);
  assert.deepEqual(ending(await later(5.9)), [0, 'unchanged', 0, 0, 0, 9]);
  assert.deepEqual(night.replicaNow(), whole);
  assert.deepEqual(ending(await later(6.1)), [0, 'unchanged', 0, 0, 9, 0]);
});

test('a failed run neither raises an alarm nor lowers one', async (t) => {
  const night = await serverA.night(t, { account: 'scripted' });
  serverA.script({ 1: 'exit 1' });
  await assertFailed(night);
  assert.ok(!existsSync(alarmFile(night)));
  const { pack, putBack } = taken(night);
  await assertRefused(night, [`deleted ${pack}`]);
  const [raised] = night.config.mails().slice(-1);
  putBack();
  serverA.script({ 1: 'exit 1' });
  const before = night.replicaNow();
  const broken = await night.sync();
  assert.equal(broken.run.alarm.rules[0], 'deleted');
  assert.deepEqual([night.replicaNow(), broken.run.admitted.files, existsSync(alarmFile(night))], [before, 0, true]);
  const still = await night.sync();
  assert.deepEqual([still.code, rulesOf(still)], [3, []]);
  assert.equal(night.config.mails().at(-1)?.headers.get('references'), raised?.headers.get('message-id'));
});

test('an audit raises no alarm, lowers none and mails nobody', async (t) => {
  const night = await serverA.night(t);
  const { pack, putBack } = taken(night);
  assert.equal((await night.run(['audit'])).code, 3);
  assert.deepEqual([existsSync(alarmFile(night)), night.config.mails()], [false, []]);
  await assertRefused(night, [`deleted ${pack}`]);
  putBack();
  const { code, stdout } = await night.run(['audit']);
  assert.deepEqual([code, existsSync(alarmFile(night)), night.config.mails().length], [0, true, 1]);
  assert.match(stdout, /the alarm of run \S+ still stands/);
});

test('an alarm that cannot be read fails the run: then nobody knows, so nothing enters', async (t) => {
  const night = await serverA.night(t);
  writeFileSync(alarmFile(night), '{"version":1,');
  addPack(night.repository.path);
  const { message } = await assertFailed(night);
  assert.match(message, /alarm\.json is damaged/);
  rmSync(alarmFile(night));
  assert.equal((await night.sync()).code, 0);
});
