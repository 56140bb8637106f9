/** Alerts on their way through a real SMTP server, and what becomes of them when it does not take them. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import type { Email } from '../../src/config/config.ts';
import { mailOf, type Mail } from '../../src/telling/mail.ts';
import { spoolLimits, spoolName, type Spooled } from '../../src/telling/spooled.ts';
import { routesOf } from '../../src/telling/channels.ts';
import { Outbox } from '../../src/telling/outbox.ts';
import { Spool } from '../../src/telling/spool.ts';
import { State } from '../../src/ratchet/state.ts';
import { fileOf } from '../support/itemized.ts';
import { runOf, startedAt } from '../support/runs.ts';
import { startSmtp, type Smtp, type SmtpBehaviour } from '../support/smtp.ts';
import { temporaryFolder } from '../support/temporary.ts';

const run = runOf({}, ...Array.from({ length: 60 }, (_, n) => ['violation', 'deleted', fileOf('pack', n), 'm'] as const));
const mail = mailOf(run, { host: 'serverB', replica: '/r' }, 'ab'.repeat(32));
const to = ['ops@example.test', 'Second Person <second@example.test>'];

interface Post {
  readonly state: string;
  readonly said: string[];
  readonly spool: Spool;
  readonly outbox: Outbox;
  send(mail?: Mail): Promise<string>;
  flush(): Promise<{ sent: number; spooled: number }>;
}

/** The limit is for servers that never answer; where one does, no test may depend on how fast. */
const [short, long] = [500, 60_000];

interface PostOptions {
  readonly state?: string;
  readonly recipients?: string[];
  readonly patience?: number;
  /** `alerts.command`. */
  readonly command?: string[];
}

function postOf(t: TestContext, transport: Email['transport'], { state = join(temporaryFolder(t), 'state'), recipients = to, patience = long, command }: PostOptions = {}): Post {
  const said: string[] = [];
  const email: Email = { from: 'ratchet@serverb.test', to: recipients, onSuccess: 'never', transport };
  const outbox = new Outbox(routesOf({ state, repositories: [], alerts: { email, ...(command === undefined ? {} : { command }) }, monitoring: {} }), state, ({ message }) => said.push(message), patience);
  return {
    state, said, outbox, spool: new Spool(state),
    send: (given = mail) => outbox.send(given, run, startedAt),
    flush: () => outbox.flush(() => startedAt),
  };
}

type Smtps = Extract<Email['transport'], { kind: 'smtp' }>;
const smtpAt = (port: number, more: Partial<Smtps> = {}): Smtps => ({ kind: 'smtp', host: '127.0.0.1', port, tls: 'opportunistic', ...more });

async function server(t: TestContext, behaviour: SmtpBehaviour = {}): Promise<Smtp> {
  const smtp = await startSmtp(behaviour);
  t.after(() => smtp.stop());
  return smtp;
}

/** How often each address got each message. */
function deliveries(smtp: Smtp): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { envelope, headers } of smtp.messages) for (const address of envelope.to) {
    const key = `${address} ${headers.get('message-id') ?? ''}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const onceEach = { [`ops@example.test <${mail.messageId}>`]: 1, [`second@example.test <${mail.messageId}>`]: 1 };

test('a mail that is accepted arrives as text, HTML and attachment, and leaves nothing in the spool', async (t) => {
  const smtp = await server(t);
  const post = postOf(t, smtpAt(smtp.port));
  assert.equal(await post.send(), 'sent');
  assert.deepEqual([post.said, post.spool.names(), deliveries(smtp)], [[], [], onceEach]);
  const [message] = smtp.messages;
  assert.ok(message);
  assert.deepEqual([message.subject, message.text, message.html], [mail.subject, mail.text.trimEnd(), mail.html.trimEnd()].map((part, n) => (n === 0 ? part : `${part}\n`)));
  assert.equal(message.attachments.get('findings.jsonl'), mail.attachments[0]?.content);
  assert.equal(message.headers.get('auto-submitted'), 'auto-generated');
  assert.equal(message.headers.get('date'), 'Mon, 23 Nov 2026 01:27:44 +0000');
});

test('later mails of an alarm refer to the first', async (t) => {
  const smtp = await server(t);
  await postOf(t, smtpAt(smtp.port)).send({ ...mail, references: 'first@serverB' });
  assert.deepEqual(['references', 'in-reply-to'].map((name) => smtp.messages[0]?.headers.get(name)), ['<first@serverB>', '<first@serverB>']);
});

test('what a server does not take waits in the spool, closed to others, and is delivered once when it does', async (t) => {
  const bad: readonly SmtpBehaviour[] = [{ hang: 'connect' }, { hang: 'data' }, { drop: 'connect' }, { drop: 'data' }, { reject: ['ops@example.test', 'second@example.test'] }];
  for (const behaviour of bad) {
    const changing: SmtpBehaviour = { ...behaviour };
    const smtp = await server(t, changing);
    const post = postOf(t, smtpAt(smtp.port), { patience: behaviour.hang === undefined ? long : short });
    assert.equal(await post.send(), 'spooled', JSON.stringify(behaviour));
    assert.equal(post.said.length, 1);
    assert.match(post.said[0] ?? '', /^the alert "\[ALARM\] .*" was not delivered: .*; it waits in the spool and is tried again$/);
    const [name = ''] = post.spool.names();
    assert.equal(name, spoolName(run.runId, run.repository));
    assert.deepEqual([statSync(join(post.spool.folder, name)).mode & 0o7777, statSync(post.spool.folder).mode & 0o7777], [0o600, 0o700]);
    assert.deepEqual(await post.flush(), { sent: 0, spooled: 1 });
    Object.assign(changing, { hang: undefined, drop: undefined, reject: [] });
    const patient = postOf(t, smtpAt(smtp.port), { state: post.state });
    assert.deepEqual([await patient.flush(), await patient.flush()], [{ sent: 1, spooled: 0 }, { sent: 0, spooled: 0 }]);
    assert.deepEqual([deliveries(smtp), smtp.messages[0]?.text], [onceEach, mail.text]);
    const last = new State(post.state, 'nightly').journal.findLast(() => true);
    assert.deepEqual([last?.event, last?.runId, last?.['spooledAt']], ['alert-sent', run.runId, startedAt.toISOString()]);
  }
});

test('a server that is not there at all, or that nobody knows', async (t) => {
  const smtp = await startSmtp();
  await smtp.stop();
  for (const transport of [smtpAt(smtp.port), smtpAt(25, { host: 'mail.invalid' })]) {
    const post = postOf(t, transport);
    assert.deepEqual([await post.send(), post.spool.names().length], ['spooled', 1]);
  }
});

test('a server that answers for ever and never finishes costs no more than the limit', async (t) => {
  const sockets: Socket[] = [];
  const drip = createServer((socket) => {
    sockets.push(socket);
    const timer = setInterval(() => { socket.write('220-still here\r\n'); }, 20);
    socket.on('error', () => undefined).on('close', () => { clearInterval(timer); });
  }).listen(0, '127.0.0.1');
  await once(drip, 'listening');
  t.after(() => { sockets.forEach((socket) => socket.destroy()); drip.close(); });
  const post = postOf(t, smtpAt((drip.address() as AddressInfo).port), { patience: short });
  assert.equal(await post.send(), 'spooled');
  assert.match(post.said[0] ?? '', /no answer within 0\.5 s|Timeout|timeout|never received/);
});

test('who has it does not get it again: only the greylisted recipient is tried later', async (t) => {
  const behaviour: SmtpBehaviour = { later: ['second@example.test'] };
  const smtp = await server(t, behaviour);
  const post = postOf(t, smtpAt(smtp.port));
  assert.equal(await post.send(), 'spooled');
  assert.match(post.said[0] ?? '', /refused for second@example\.test: .*450 Greylisted second@example\.test; it waits in the spool/);
  assert.deepEqual((post.spool.read(post.spool.names()[0] ?? '')).accepted, ['ops@example.test']);
  assert.deepEqual(await post.flush(), { sent: 0, spooled: 1 });
  behaviour.later = [];
  assert.deepEqual(await post.flush(), { sent: 1, spooled: 0 });
  assert.deepEqual(deliveries(smtp), onceEach);
});

test('a recipient refused for good is given up once another has the alert, and said; one that nobody has never is', async (t) => {
  const [ops, second] = ['ops@example.test', 'second@example.test'];
  const behaviour: SmtpBehaviour = { reject: [second] };
  const smtp = await server(t, behaviour);
  const post = postOf(t, smtpAt(smtp.port));
  assert.deepEqual([await post.send(), post.spool.names()], ['sent', []]);
  assert.match(post.said.join('\n'), /^second@example\.test was refused for good and is given up: .*550 No such user.*; ops@example\.test has the alert "\[ALARM\]/);

  Object.assign(behaviour, { reject: [ops, second] });
  assert.equal(await post.send(), 'spooled', 'nobody has it');
  assert.deepEqual([await post.flush(), await post.flush()], [{ sent: 0, spooled: 1 }, { sent: 0, spooled: 1 }]);
  Object.assign(behaviour, { reject: [second], later: [ops] });
  assert.deepEqual(await post.flush(), { sent: 0, spooled: 1 }, 'greylisted is not delivered');
  Object.assign(behaviour, { reject: [second], later: [] });
  assert.deepEqual(await post.flush(), { sent: 1, spooled: 0 });
  assert.deepEqual(smtp.messages.map(({ envelope }) => envelope.to), [[ops], [ops]]);
});

test('all that waits is said in one line', async (t) => {
  const behaviour: SmtpBehaviour = { later: ['ops@example.test', 'second@example.test'] };
  const smtp = await server(t, behaviour);
  const post = postOf(t, smtpAt(smtp.port));
  for (let n = 0; n < 3; n++) post.spool.put(spooled(n));
  assert.deepEqual(await post.flush(), { sent: 0, spooled: 3 });
  assert.equal(post.said.length, 1);
  assert.match(post.said[0] ?? '', /450 Greylisted .*; 3 wait in the spool$/);
});

test('an address that is corrected in the configuration gets what waits', async (t) => {
  const smtp = await server(t, { later: ['second@example.test'] });
  const post = postOf(t, smtpAt(smtp.port));
  await post.send();
  const corrected = postOf(t, smtpAt(smtp.port), { state: post.state, recipients: ['ops@example.test', 'other@example.test'] });
  assert.deepEqual(await corrected.flush(), { sent: 1, spooled: 0 });
  assert.deepEqual(smtp.messages.map(({ envelope }) => envelope.to), [['ops@example.test'], ['other@example.test']]);
});

test('two at once send each alert once', async (t) => {
  const smtp = await server(t);
  const post = postOf(t, smtpAt(smtp.port));
  for (let n = 0; n < 5; n++) post.spool.put(spooled(n));
  await Promise.all([post.flush(), post.flush(), post.send(), post.flush()]);
  await post.flush();
  assert.equal(smtp.messages.length, 6);
  assert.deepEqual([...new Set(Object.values(deliveries(smtp)))], [1]);
  assert.deepEqual(post.spool.names(), []);
});

test('a flush goes on after an alert that is refused or damaged, and stops where the server is down', async (t) => {
  const behaviour: SmtpBehaviour = {};
  const smtp = await server(t, behaviour);
  const post = postOf(t, smtpAt(smtp.port));
  for (let n = 0; n < 4; n++) post.spool.put(spooled(n));
  const names = post.spool.names();
  writeFileSync(join(post.spool.folder, names[1] ?? ''), '{"version":1');
  assert.deepEqual(await post.flush(), { sent: 3, spooled: 1 });
  assert.match(post.said.join(), /is damaged/);
  for (let n = 4; n < 8; n++) post.spool.put(spooled(n));
  behaviour.drop = 'connect';
  const before = smtp.connections();
  assert.deepEqual(await post.flush(), { sent: 0, spooled: 5 });
  assert.equal(smtp.connections() - before, 1);
});

/** The alert of another run; `n` is its minute. */
function spooled(n: number, accepted: readonly string[] = []): Spooled {
  const minutes = String(n % 60).padStart(2, '0');
  const runId = `20261122T${String(Math.floor(n / 60)).padStart(2, '0')}${minutes}00Z-0000`;
  return { version: 1, repository: 'nightly', runId, at: startedAt.toISOString(), mail: { ...mail, messageId: `${runId}@serverB` }, accepted, givenUp: [] };
}

test('the spool is bounded: the oldest are kept, and what somebody has already gives way', (t) => {
  const spool = new Spool(temporaryFolder(t));
  for (let n = 0; n < spoolLimits.alerts; n++) assert.ok(spool.put(spooled(n, n === 7 ? ['ops@example.test'] : [])));
  const before = spool.names();
  assert.equal(spool.put(spooled(200)), true);
  assert.deepEqual(spool.names(), [...before.toSpliced(7, 1), spoolName(spooled(200).runId, 'nightly')]);
  assert.equal(spool.put(spooled(201)), false);
  assert.equal(spool.names().length, spoolLimits.alerts);
  assert.equal(spool.put(spooled(0, ['ops@example.test'])), true, 'what is there may be brought up to date');
});

test('the spool is bounded in bytes too', (t) => {
  const spool = new Spool(temporaryFolder(t));
  const large = (n: number): Spooled => ({ ...spooled(n), mail: { ...mail, text: 'x'.repeat(9_000_000) } });
  assert.deepEqual([0, 1, 2, 3, 4].map((n) => spool.put(large(n))), [true, true, true, false, false]);
});

test('where the spool cannot be written a mail is sent all the same, and one that cannot be sent is said to be lost', async (t) => {
  const behaviour: SmtpBehaviour = {};
  const smtp = await server(t, behaviour);
  const state = temporaryFolder(t);
  writeFileSync(join(state, 'spool'), 'not a folder');
  const post = postOf(t, smtpAt(smtp.port), { state });
  assert.equal(await post.send(), 'sent');
  behaviour.drop = 'data';
  assert.equal(await post.send(), 'lost');
  assert.match(post.said.at(-1) ?? '', /it is LOST/);
});

test('a spool that cannot be read is said, and flushes nothing', async (t) => {
  const state = temporaryFolder(t);
  writeFileSync(join(state, 'spool'), 'not a folder');
  const post = postOf(t, { kind: 'directory', path: join(state, 'mails') }, { state });
  assert.deepEqual(await post.flush(), { sent: 0, spooled: 0, failed: true });
  assert.equal(post.said.length, 1);
});

test('TLS: what each word means against each server', async (t) => {
  type Row = readonly [server: SmtpBehaviour, tls: Smtps['tls'], login: boolean, sent: boolean, secure: boolean];
  const login = { user: 'ratchet', pass: 's3cret words' };
  const rows: readonly Row[] = [
    [{}, 'none', false, true, false], [{}, 'opportunistic', false, true, false], [{}, 'required', false, false, false],
    [{ tls: 'starttls' }, 'none', false, true, false], [{ tls: 'starttls' }, 'opportunistic', false, true, true], [{ tls: 'starttls' }, 'required', false, false, false],
    [{ tls: 'starttls', demandTls: true }, 'none', false, false, false], [{ tls: 'starttls', demandTls: true }, 'opportunistic', false, true, true],
    [{ tls: 'broken' }, 'opportunistic', false, true, false], [{ tls: 'broken' }, 'required', false, false, false],
    [{ auth: login }, 'none', true, true, false], [{ auth: login }, 'opportunistic', true, true, false], [{ auth: login }, 'required', true, false, false],
    [{ auth: login, tls: 'starttls' }, 'opportunistic', true, true, true], [{ auth: login }, 'opportunistic', false, false, false],
    [{ auth: { ...login, pass: 'another' } }, 'opportunistic', true, false, false],
  ];
  const passwordFile = join(temporaryFolder(t), 'password');
  writeFileSync(passwordFile, `${login.pass}\n`, { mode: 0o600 });
  for (const [behaviour, tls, hasLogin, isSent, secure] of rows) {
    const smtp = await server(t, behaviour);
    const post = postOf(t, smtpAt(smtp.port, { tls, ...(hasLogin ? { user: login.user, passwordFile } : {}) }));
    const row = JSON.stringify([behaviour, tls, hasLogin]);
    assert.equal(await post.send(), isSent ? 'sent' : 'spooled', `${row} ${post.said.join()}`);
    if (isSent) assert.deepEqual([smtp.messages[0]?.secure, smtp.messages[0]?.user === login.user], [secure, hasLogin], row);
    for (const words of post.said) assert.ok(!words.includes(login.pass), words);
  }
});

/** A program that stands in for sendmail, or for an operator's own. */
function sendmail(t: TestContext, script: string): { path: string; folder: string } {
  const folder = temporaryFolder(t);
  const path = join(folder, 'program');
  writeFileSync(path, `#!/bin/sh\ncd ${folder}\n${script}\n`);
  chmodSync(path, 0o700);
  return { path, folder };
}

test('sendmail gets the whole message and the envelope, and its exit code decides', async (t) => {
  const { path, folder } = sendmail(t, 'printf "%s\\n" "$@" > arguments; cat > message');
  const post = postOf(t, { kind: 'sendmail', path, args: [] });
  assert.equal(await post.send(), 'sent');
  assert.equal(readFileSync(join(folder, 'arguments'), 'utf8'), '-i\n-f\nratchet@serverb.test\nops@example.test\nsecond@example.test\n');
  const message = readFileSync(join(folder, 'message'), 'utf8');
  assert.match(message, /^Subject: \[ALARM\] nightly on serverB/m);
  assert.doesNotMatch(message, /\r/);
});

test('a sendmail that fails, hangs or is not there leaves the alert in the spool', async (t) => {
  for (const script of ['cat > /dev/null; echo "queue is full" >&2; exit 75', 'exec sleep 600', 'exec 0<&-; exit 1']) {
    const post = postOf(t, { kind: 'sendmail', path: sendmail(t, script).path, args: [] }, { patience: script.includes('sleep') ? short : long });
    assert.equal(await post.send(), 'spooled');
    if (script.includes('queue')) assert.match(post.said[0] ?? '', /queue is full/);
  }
  assert.equal(await postOf(t, { kind: 'sendmail', path: '/nowhere/sendmail', args: [] }).send(), 'spooled');
});

test('a sendmail that will not end is ended with all that it has started, and holds nothing up for longer', async (t) => {
  const { path, folder } = sendmail(t, "trap '' TERM; setsid sleep 600 & echo $! > stray; sleep 600 & echo $! > child; cat > /dev/null; wait");
  const post = postOf(t, { kind: 'sendmail', path, args: [] }, { patience: short });
  assert.equal(await post.send(), 'spooled');
  assert.match(post.said[0] ?? '', /did not end within 0\.5 s/);
  assert.ok(!isRunning(pidIn(folder, 'child')));
  process.kill(pidIn(folder, 'stray')); // It had left the group, and held the pipes.
});

test('what a sendmail leaves behind to deliver in the background goes on, and is not waited for', async (t) => {
  const { path, folder } = sendmail(t, 'cat > /dev/null; sleep 600 & echo $! > child');
  const post = postOf(t, { kind: 'sendmail', path, args: [] });
  assert.deepEqual([await post.send(), post.spool.names()], ['sent', []]);
  assert.ok(isRunning(pidIn(folder, 'child')));
  process.kill(pidIn(folder, 'child'));
});

const pidIn = (folder: string, name: string): number => Number(readFileSync(join(folder, name), 'utf8'));

/** A zombie has ended, and only waits for somebody to ask. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

test('a folder for mails that cannot be written leaves the alert in the spool', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  assert.equal(await postOf(t, { kind: 'directory', path: join(folder, 'file') }).send(), 'spooled');
  const post = postOf(t, { kind: 'directory', path: join(folder, 'mails') });
  assert.equal(await post.send(), 'sent');
  assert.equal(readdirSync(join(folder, 'mails')).length, 1);
});

test('what was half written when a run was killed is neither sent nor kept for ever', async (t) => {
  const smtp = await server(t);
  const post = postOf(t, smtpAt(smtp.port));
  mkdirSync(post.spool.folder, { recursive: true });
  const half = join(post.spool.folder, `${spoolName('20261122T000000Z-0000', 'nightly')}.new`);
  writeFileSync(half, '{"version":1,"mail":{"subj');
  post.spool.put(spooled(1));
  assert.deepEqual(await post.flush(), { sent: 1, spooled: 0 });
  assert.ok(existsSync(half), 'somebody may still be at it');
});

const nothing = (t: TestContext): Email['transport'] => ({ kind: 'directory', path: join(temporaryFolder(t), 'mails') });

test('a program gets each alert as JSON on stdin, severity and subject behind its own arguments, and nothing of our environment', async (t) => {
  const { path, folder } = sendmail(t, 'printf "%s\\n" "$@" > arguments; cat > alert; env > environment');
  process.env['RATCHET_TEST_SECRET'] = 'geheim';
  t.after(() => { delete process.env['RATCHET_TEST_SECRET']; });
  const post = postOf(t, nothing(t), { command: [path, '--to', 'us'] });
  assert.deepEqual([await post.send(), post.spool.names(), post.said], ['sent', [], []]);
  assert.equal(readFileSync(join(folder, 'arguments'), 'utf8'), `--to\nus\ncritical\n${mail.subject}\n`);
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'alert'), 'utf8')), {
    version: 1, id: mail.messageId, thread: mail.messageId, time: startedAt.toISOString(), severity: 'critical', subject: mail.subject, text: mail.text,
    host: 'serverB', repository: 'nightly', runId: run.runId, outcome: 'alarm', exitCode: 3, rules: [{ rule: 'deleted', severity: 'violation', count: 60 }],
  });
  assert.doesNotMatch(readFileSync(join(folder, 'environment'), 'utf8'), /geheim/);
});

test('a program that fails, hangs or is not there leaves the alert in the spool with its words; the mail goes out, and only once', async (t) => {
  const rows: readonly [script: string | undefined, why: RegExp][] = [
    ['cat > /dev/null; echo "no such channel" >&2; exit 1', /program: no such channel$/],
    ['exec 0<&-; exit 3', /program: .*exit code 3/],
    ['exec sleep 600', /did not end within 0\.5 s$/],
    [undefined, /ENOENT/],
  ];
  for (const [script, why] of rows) {
    const smtp = await server(t);
    const { path, folder } = sendmail(t, script ?? '');
    const failing = postOf(t, smtpAt(smtp.port), { command: [script === undefined ? '/nowhere/program' : path], patience: script?.includes('sleep') === true ? short : long });
    assert.equal(await failing.send(), 'spooled');
    assert.match(failing.said.join(), /^the alert "\[ALARM\] .*" was not delivered: .*; it waits in the spool and is tried again$/);
    const { accepted } = failing.spool.read(failing.spool.names()[0] ?? '');
    assert.deepEqual(accepted, ['ops@example.test', 'second@example.test']);
    assert.match(failing.spool.waiting('nightly').why ?? '', why);
    assert.deepEqual(await failing.flush(), { sent: 0, spooled: 1 });
    writeFileSync(path, `#!/bin/sh\ncat > ${folder}/alert\n`, { mode: 0o700 });
    const mended = postOf(t, smtpAt(smtp.port), { state: failing.state, command: [path] });
    assert.deepEqual([await mended.flush(), await mended.flush()], [{ sent: 1, spooled: 0 }, { sent: 0, spooled: 0 }]);
    assert.deepEqual([deliveries(smtp), existsSync(join(folder, 'alert'))], [onceEach, true]);
  }
});

test('whom the mail server refuses for good is given up when the program has the alert, and a mail server that is down keeps no alert from it', async (t) => {
  const behaviour: SmtpBehaviour = { reject: ['ops@example.test', 'second@example.test'] };
  const smtp = await server(t, behaviour);
  const { path, folder } = sendmail(t, 'cat > /dev/null; echo "$2" >> had');
  const had = (): number => readFileSync(join(folder, 'had'), 'utf8').trim().split('\n').length;
  const post = postOf(t, smtpAt(smtp.port), { command: [path] });
  assert.deepEqual([await post.send(), post.spool.names()], ['sent', []]);
  assert.match(post.said.join('\n'), /^ops@example\.test was refused for good and is given up: .*; alerts\.command has the alert/);
  Object.assign(behaviour, { reject: [], drop: 'connect' });
  for (let n = 0; n < 3; n++) post.spool.put(spooled(n));
  assert.deepEqual(await post.flush(), { sent: 0, spooled: 3 });
  assert.equal(had(), 4);
  behaviour.drop = undefined;
  assert.deepEqual([await post.flush(), had(), smtp.messages.length], [{ sent: 3, spooled: 0 }, 4, 3]);
});

test('an alert of a version that did not say how bad it is goes to a program as the worst', async (t) => {
  const { path, folder } = sendmail(t, 'echo "$1" > severity; cat > alert');
  const post = postOf(t, nothing(t), { command: [path] });
  const { about: _, ...old } = mail;
  mkdirSync(post.spool.folder, { recursive: true });
  writeFileSync(join(post.spool.folder, spoolName(run.runId, run.repository)), JSON.stringify({ version: 1, repository: 'nightly', runId: run.runId, at: startedAt.toISOString(), mail: old, accepted: [] }));
  assert.deepEqual(await post.flush(), { sent: 1, spooled: 0 });
  assert.equal(readFileSync(join(folder, 'severity'), 'utf8'), 'critical\n');
  assert.equal((JSON.parse(readFileSync(join(folder, 'alert'), 'utf8')) as { outcome: unknown }).outcome, null);
});
