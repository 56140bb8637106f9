/** The built program and a real mail server: alerts that are not lost, and never sent twice to whom they reached. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ratchet, spawnRatchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { localNight, mailTo, type LocalNight } from '../support/localNight.ts';
import { startSmtp, type Smtp, type SmtpBehaviour } from '../support/smtp.ts';
import { temporaryFolder } from '../support/temporary.ts';

async function server(t: TestContext, behaviour: SmtpBehaviour = {}): Promise<Smtp> {
  const smtp = await startSmtp(behaviour);
  t.after(() => smtp.stop());
  return smtp;
}

/** A repository whose nights fail, because its replica is not there. */
function failing(t: TestContext, port: number, more: Parameters<typeof mailTo>[1] = {}) {
  const folder = temporaryFolder(t);
  const config = writeConfig(folder, '/nowhere', { alerts: mailTo(port, more) });
  const spool = join(config.state, 'spool');
  return { config: config.file, state: config.state, spooled: () => readdirSync(spool).filter((name) => name.endsWith('.json')) };
}

const events = (state: string): string[] => readFileSync(join(state, 'nightly/journal.jsonl'), 'utf8').trimEnd().split('\n').map((line) => (JSON.parse(line) as { event: string }).event);
const idsOf = (smtp: Smtp): string[] => smtp.messages.map(({ headers }) => headers.get('message-id') ?? '');

test('a failure is mailed with its head hash, and the journal says so', async (t) => {
  const smtp = await server(t);
  const { config, state } = failing(t, smtp.port);
  const { code, stdout, stderr } = await ratchet(['--json', 'sync'], { config });
  assert.equal(code, 1);
  assert.deepEqual((JSON.parse(stdout) as { runs: { alerts: object }[] }).runs[0]?.alerts, { sent: 1, spooled: 0 });
  assert.doesNotMatch(stderr, /mail/);
  assert.deepEqual(events(state), ['finished', 'alert-sent']);
  const [message] = await smtp.waitFor(1);
  assert.ok(message);
  assert.match(message.subject, /^\[FAILED\] nightly on \S+: .* has no marker/);
  assert.ok(message.text.includes(`rsync-ratchet --config ${config} sync nightly`), message.text);
  const [, head = ''] = /^journal: +([0-9a-f]{64})$/m.exec(message.text) ?? [];
  const verified = await ratchet(['history', '--verify', '--head', head], { config });
  assert.deepEqual([verified.code, verified.stderr], [0, '']);
  assert.match(verified.stdout, /the head that was asked for is in it/);
});

test('what the server refuses is spooled, said on stderr and in status, and sent by the next sync before its own', async (t) => {
  const behaviour: SmtpBehaviour = { drop: 'data' };
  const smtp = await server(t, behaviour);
  const { config, state, spooled } = failing(t, smtp.port);
  const first = await ratchet(['--json', 'sync'], { config });
  assert.deepEqual([first.code, first.json().runs[0].alerts], [1, { sent: 0, spooled: 1 }]);
  assert.match(first.stderr, /error: the alert "\[FAILED\] .*" was not delivered: .*; it waits in the spool and is tried again/);
  assert.deepEqual(events(state), ['finished', 'alert-spooled']);
  assert.equal(statSync(join(state, 'spool', spooled()[0] ?? '')).mode & 0o7777, 0o600);
  const status = await ratchet(['status'], { config });
  assert.match(status.stdout, /UNDELIVERED +1 alert waits in the spool, the oldest since 20/);
  assert.deepEqual((await ratchet(['--json', 'status'], { config })).json().repositories[0].spool.alerts, 1);
  behaviour.drop = undefined;
  assert.equal((await ratchet(['sync'], { config })).code, 1);
  assert.deepEqual([smtp.messages.length, spooled()], [2, []]);
  const [old = '', own = ''] = idsOf(smtp);
  assert.ok(old.includes(first.json().runs[0].runId as string) && old !== own);
  assert.deepEqual(events(state), ['finished', 'alert-spooled', 'alert-sent', 'finished', 'alert-sent']);
});

test('alert flush: 1 while something waits, 0 when nothing does any more', async (t) => {
  const behaviour: SmtpBehaviour = { reject: ['ops@example.test', 'second@example.test'] };
  const smtp = await server(t, behaviour);
  const { config } = failing(t, smtp.port);
  assert.match((await ratchet(['sync'], { config })).stderr, /rejected/);
  const still = await ratchet(['--json', 'alert', 'flush'], { config });
  assert.deepEqual([still.code, still.json()], [1, { version: 1, sent: 0, spooled: 1 }]);
  behaviour.reject = [];
  const gone = await ratchet(['alert', 'flush'], { config });
  assert.deepEqual([gone.code, gone.stdout, gone.stderr], [0, '1 alert that had waited in the spool: sent\n', '']);
  assert.deepEqual((await ratchet(['alert', 'flush'], { config })).stdout, 'no alert waits in the spool\n');
  assert.deepEqual(smtp.messages.map(({ envelope }) => envelope.to), [['ops@example.test', 'second@example.test']]);
  assert.equal(new Set(idsOf(smtp)).size, 1);
});

test('alert test says what the server answered, or why it did not take the mail', async (t) => {
  const behaviour: SmtpBehaviour = {};
  const smtp = await server(t, behaviour);
  const { config } = failing(t, smtp.port);
  const good = await ratchet(['alert', 'test'], { config });
  assert.deepEqual([good.code, good.stderr], [0, '']);
  assert.match(good.stdout, /^sent to ops@example\.test, second@example\.test; the answer: 250 /);
  assert.match(smtp.messages[0]?.subject ?? '', /^\[TEST\] rsync-ratchet on /);
  behaviour.reject = ['ops@example.test'];
  const partly = await ratchet(['--json', 'alert', 'test'], { config });
  assert.deepEqual([partly.code, partly.json().sent, partly.json().accepted, partly.json().refused[0].address], [1, false, ['second@example.test'], 'ops@example.test']);
  behaviour.drop = 'connect';
  const bad = await ratchet(['alert', 'test'], { config });
  assert.deepEqual([bad.code, bad.stdout], [1, '']);
  assert.match(bad.stderr, /^error: .+\nhint: .+\n$/);
  assert.equal((await ratchet(['alert', 'test'], { config: writeConfig(temporaryFolder(t), '/nowhere', { alerts: undefined }).file })).code, 2);
});

test('a certificate that an authority of ours has signed is accepted by tls: required, another is not', async (t) => {
  const smtp = await server(t, { tls: 'starttls', auth: { user: 'ratchet', pass: 'geheim' } });
  const passwordFile = join(temporaryFolder(t), 'password');
  writeFileSync(passwordFile, 'geheim\n', { mode: 0o600 });
  const { config } = failing(t, smtp.port, { host: 'localhost', tls: 'required', user: 'ratchet', passwordFile });
  const stranger = await ratchet(['alert', 'test'], { config });
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /self-signed certificate\nhint: encryption failed/);
  const { code, stderr } = await ratchet(['alert', 'test'], { config, env: { NODE_EXTRA_CA_CERTS: smtp.certificateFile } });
  assert.equal(code, 0, stderr);
  assert.deepEqual(smtp.messages.map(({ secure, user }) => [secure, user]), [[true, 'ratchet']]);
});

test('killed while a server is silent: the alert is in the spool and is delivered once', async (t) => {
  for (const hang of ['connect', 'data'] as const) {
    const behaviour: SmtpBehaviour = { hang };
    const smtp = await server(t, behaviour);
    const night = await localNight(t, { alerts: mailTo(smtp.port) });
    rmSync(night.repository.path, { recursive: true });
    const silent = smtp.hung();
    const running = night.start(['sync']);
    await silent;
    running.kill('SIGKILL');
    assert.equal((await running.finished).signal, 'SIGKILL');
    behaviour.hang = undefined;
    assert.equal((await night.run(['alert', 'flush'])).code, 0);
    assert.equal((await night.run(['alert', 'flush'])).code, 0);
    assert.deepEqual([smtp.messages.length, spoolOf(night)], [1, []]);
  }
});

const spoolOf = (night: LocalNight): string[] => readdirSync(join(night.state, 'spool')).filter((name) => name.endsWith('.json'));

test('killed over and over while the spool is sent: every alert arrives, and only one that was on its way may come again', async (t) => {
  const behaviour: SmtpBehaviour = { drop: 'connect' };
  const smtp = await server(t, behaviour);
  const { config, spooled } = failing(t, smtp.port);
  for (let n = 0; n < 5; n++) await ratchet(['sync'], { config });
  const waiting = new Set(spooled().map((name) => name.split('.')[0]));
  assert.equal(waiting.size, 5);
  behaviour.drop = undefined;
  const kills = 4;
  for (let n = 0; n < kills; n++) {
    const running = spawnRatchet(['alert', 'flush'], { config });
    await Promise.race([smtp.waitFor(smtp.messages.length + 1), running.finished]);
    running.kill('SIGKILL');
    await running.finished;
  }
  assert.equal((await ratchet(['alert', 'flush'], { config })).code, 0);
  assert.deepEqual(spooled(), []);
  assert.deepEqual(new Set(idsOf(smtp).map((id) => id.slice(1).split('.')[0])), waiting);
  assert.ok(smtp.messages.length <= 5 + kills, `${smtp.messages.length} after ${kills}`);
});

test('a server that hangs costs its time limit, once for the spool and once for the night', async (t) => {
  const smtp = await server(t, { hang: 'connect' });
  const { config, spooled } = failing(t, smtp.port);
  // The program's timers run a hundred times as fast.
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent('const real = setTimeout; globalThis.setTimeout = Object.assign((f, ms, ...a) => real(f, ms / 100, ...a), real); AbortSignal.timeout = (ms) => { const c = new AbortController(); real(() => c.abort(), ms / 100); return c.signal; };')}` };
  for (let n = 1; n <= 3; n++) {
    const { code, stderr } = await ratchet(['sync'], { config, env });
    assert.equal(code, 1);
    assert.match(stderr, /was not delivered/);
    assert.equal(spooled().length, n);
  }
  assert.equal(smtp.connections(), 1 + 2 + 2);
});
