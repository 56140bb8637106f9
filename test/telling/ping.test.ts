/** Pings at a real HTTP listener. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { Invocation } from '../../src/telling/invocation.ts';
import { tellMonitor } from '../../src/telling/ping.ts';
import { runOf } from '../support/runs.ts';
import { temporaryFolder } from '../support/temporary.ts';

interface Ping {
  readonly method: string;
  readonly path: string;
  readonly rid: string;
  readonly body: string;
}

type Answer = (response: ServerResponse, n: number) => void;

/** A monitor; `answer` decides on the nth request, from 1. */
async function monitor(t: TestContext, answer: Answer = (response) => response.end('OK')): Promise<{ port: number; pings: Ping[] }> {
  const pings: Ping[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', 'http://x');
    pings.push({ method: request.method ?? '', path: url.pathname, rid: url.searchParams.get('rid') ?? '', body: await text(request) });
    answer(response, pings.length);
  };
  const server = createServer((request, response) => { void take(request, response); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { port: (server.address() as AddressInfo).port, pings };
}

const secret = 'c3f1c0de-5ec2-4e70-b1a5-0123456789ab';
/** The limit is for monitors that never answer; where one does, no test may depend on how fast. */
const [short, long] = [{ timeout: 300, attempts: 3, between: 1 }, { timeout: 60_000, attempts: 3, between: 1 }];

/** Nothing is configured, and nobody is warned. */
const nobody: { config: Config; console: { warn(words: string): void } } = {
  config: { state: undefined, repositories: [], alerts: {}, monitoring: {} },
  console: { warn: (words) => assert.fail(words) },
};

interface Pinger {
  start(): void;
  end(...how: Parameters<Invocation['end']> extends [unknown, ...infer How] ? How : never): Promise<void>;
}

/** One command that tells this monitor alone. */
function telling(settings: Parameters<typeof tellMonitor>[0], warn: (words: string) => unknown, patience?: Parameters<typeof tellMonitor>[3]): Pinger {
  const one = new Invocation((_, news) => (news.kind === 'changed' ? assert.fail() : tellMonitor(settings, news, warn, patience)));
  return { start: () => { one.start(nobody); }, end: (...how) => one.end(nobody, ...how) };
}

function pingerOf(t: TestContext, content: string, findings = false, patience = long): { pinger: Pinger; warned: string[] } {
  const urlFile = join(temporaryFolder(t), 'url');
  writeFileSync(urlFile, content, { mode: 0o600 });
  const warned: string[] = [];
  return { pinger: telling({ urlFile, findings, style: 'healthchecks' }, (words) => warned.push(words), patience), warned };
}

const urlOf = (port: number, rest = ''): string => `http://127.0.0.1:${port}/${secret}${rest}\n`;
const alarm = runOf({}, ['violation', 'deleted', 'data/ab/secret-name', 'm'], ['violation', 'deleted', 'y', 'm'], ['warning', 'foreign', 'z', 'm']);

test('start and end carry the same UUID as rid, and the end its exit status', async (t) => {
  for (const [exitCode, path] of [[0, ''], [4, ''], [1, '/fail'], [3, '/fail'], [130, '/fail'], [143, '/fail']] as const) {
    const { port, pings } = await monitor(t);
    const { pinger, warned } = pingerOf(t, urlOf(port));
    pinger.start();
    pinger.start();
    await pinger.end(exitCode, [runOf()]);
    assert.deepEqual(pings.map((ping) => [ping.method, ping.path]), [['POST', `/${secret}/start`], ['POST', `/${secret}${path}`]]);
    assert.match(pings[0]?.rid ?? '', /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    assert.equal(pings[1]?.rid, pings[0]?.rid);
    assert.match(pings[1]?.body ?? '', new RegExp(`^exit status ${exitCode}\nnightly: unchanged \\(exit status 0\\), run 20261123T012744Z-3f9c\n$`));
    assert.deepEqual(warned, []);
  }
});

test('where nothing was tried, or another run is at it, nothing is told', async (t) => {
  const { port, pings } = await monitor(t);
  for (const exitCode of [2, 75]) await pingerOf(t, urlOf(port)).pinger.end(exitCode, []);
  assert.deepEqual(pings, []);
});

test('what was found is told only when asked for, and names never', async (t) => {
  const { port, pings } = await monitor(t);
  await pingerOf(t, urlOf(port)).pinger.end(3, [alarm]);
  await pingerOf(t, urlOf(port), true).pinger.end(3, [alarm]);
  assert.doesNotMatch(pings[0]?.body ?? '', /deleted|foreign/);
  assert.match(pings[1]?.body ?? '', /: 2 deleted, 1 foreign$/m);
  for (const { body } of pings) assert.doesNotMatch(body, /secret-name/);
});

test('an address with a slash at its end or a query keeps it', async (t) => {
  const { port, pings } = await monitor(t);
  for (const rest of ['/', '?create=1']) {
    const { pinger } = pingerOf(t, urlOf(port, rest));
    pinger.start();
    await pinger.end(0, []);
  }
  assert.deepEqual(pings.map(({ path }) => path), [`/${secret}/start`, `/${secret}/`, `/${secret}/start`, `/${secret}`]);
});

test('a monitor that fails for a moment is asked again, one that refuses is not', async (t) => {
  const shaky = await monitor(t, (response, n) => response.writeHead(n < 3 ? 503 : 200).end());
  const { pinger, warned } = pingerOf(t, urlOf(shaky.port));
  await pinger.end(0, []);
  assert.deepEqual([shaky.pings.length, warned], [3, []]);
  const strict = await monitor(t, (response) => response.writeHead(404).end());
  const other = pingerOf(t, urlOf(strict.port));
  await other.pinger.end(0, []);
  assert.deepEqual([strict.pings.length, other.warned], [1, ['the success ping failed: the monitor answered 404 (monitoring.ping)']]);
});

test('a monitor that hangs, hangs up or is not there costs a few attempts and a warning without the address', async (t) => {
  const silent = await monitor(t, () => undefined);
  const rude = await monitor(t, (response) => { response.socket?.destroy(); });
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  for (const where of [silent.port, rude.port, port]) {
    const { pinger, warned } = pingerOf(t, urlOf(where), false, where === silent.port ? short : long);
    pinger.start();
    await pinger.end(1, []);
    assert.equal(warned.length, 2, warned.join());
    assert.match(warned.join(), /^the start ping failed: .*,the fail ping failed: /);
    for (const words of warned) assert.ok(!words.includes(secret) && !words.includes(String(where)), words);
  }
  assert.equal(rude.pings.length, 6);
});

test('a file without an address is a warning that does not show what stands in it', async (t) => {
  for (const content of ['', secret, `ftp://example.org/${secret}`, `http://${secret} x`]) {
    const { pinger, warned } = pingerOf(t, content);
    await pinger.end(0, []);
    assert.equal(warned.length, 1);
    assert.ok(!warned[0]?.includes(secret), warned[0]);
  }
  const warned: string[] = [];
  await telling({ urlFile: '/nowhere/url', findings: false, style: 'healthchecks' }, (words) => warned.push(words)).end(0, []);
  assert.match(warned[0] ?? '', /cannot be read \(ENOENT\)/);
});

test('without monitoring.ping nothing happens', async () => {
  const command = new Invocation();
  command.start(nobody);
  await command.end(nobody, 1, []);
});

test('style kuma: no start; up or down and one line, in the address, whatever was pasted there', async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => { asked.push(`${request.method ?? ''} ${request.url ?? ''}`); response.end('{"ok":true}'); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  const urlFile = join(temporaryFolder(t), 'url');
  writeFileSync(urlFile, `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/push/Abc?status=up&msg=OK&ping=\n`, { mode: 0o600 });
  const pinger = telling({ urlFile, findings: true, style: 'kuma' }, (words) => assert.fail(words), long);
  pinger.start();
  await pinger.end(0, [runOf({})]);
  await pinger.end(3, [alarm]);
  await pinger.end(75, [alarm]);
  const told = asked.map((line) => { const url = new URL(line.split(' ')[1] ?? '', 'http://x'); return [line.split(' ')[0], url.pathname, url.searchParams.get('status'), url.searchParams.get('msg')]; });
  assert.deepEqual(told.map((each) => each.slice(0, 3)), [['GET', '/api/push/Abc', 'up'], ['GET', '/api/push/Abc', 'down']]);
  assert.match(told[1]?.[3] ?? '', /^exit status 3; nightly: alarm \(exit status 3\), run \S+: 2 deleted, 1 foreign$/);
});
