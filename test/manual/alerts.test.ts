/** The programs for alerts that the manual shows do what it says, with real curl and jq, and no secret in an argument. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { ratchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { pageText } from '../support/manual.ts';
import { temporaryFolder } from '../support/temporary.ts';

const programs = [...pageText('src/manual/monitoring.md').matchAll(/^```sh\n(#!\/bin\/sh\n[^]*?)^```$/gm)].map(([, program = '']) => program);

interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Listens in place of the service; `status` is its answer. */
async function service(t: TestContext, status: () => number): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    asked.push({ path: request.url ?? '', headers: request.headers, body: await text(request) });
    response.writeHead(status()).end();
  };
  const server = createServer((request, response) => { void take(request, response); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

type Row = readonly [service: string, secrets: (url: string) => Readonly<Record<string, string>>, sees: (asked: Asked) => void];

const rows: readonly Row[] = [
  ['ntfy', (url) => ({ 'ntfy.curl': `url = "${url}/serverb"\nheader = "Authorization: Bearer tk_geheim"\n` }), ({ path, headers, body }) => {
    assert.deepEqual([path, headers.authorization, headers['priority']], ['/serverb', 'Bearer tk_geheim', '3']);
    assert.match(String(headers['title']), /^\[TEST\] rsync-ratchet on /);
    assert.match(body, /^this is how an alert arrives\n/);
  }],
  ['slack', (url) => ({ 'slack.curl': `url = "${url}/services/geheim"\n` }), ({ path, body }) => {
    assert.equal(path, '/services/geheim');
    assert.match((JSON.parse(body) as { text: string }).text, /^\[TEST\] rsync-ratchet on .*\n/);
  }],
  ['pagerduty', () => ({ 'pagerduty.key': 'geheim\n' }), ({ path, body }) => {
    const { routing_key: key, payload } = JSON.parse(body) as { routing_key: string; payload: { severity: string; summary: string } };
    assert.deepEqual([path, key, payload.severity], ['/v2/enqueue', 'geheim', 'info']);
    assert.match(payload.summary, /^\[TEST\]/);
  }],
];

for (const [index, [name, secrets, sees]] of rows.entries()) {
  test(`${name}: an alert arrives, one that is refused is a failure, and no argument holds the secret`, async (t) => {
    let status = 200;
    const { url, asked } = await service(t, () => status);
    const folder = temporaryFolder(t);
    for (const [file, content] of Object.entries(secrets(url))) writeFileSync(join(folder, file), content, { mode: 0o600 });
    const program = join(folder, 'notify');
    const shown = programs[index] ?? '';
    assert.doesNotMatch(shown, /geheim|tk_|Bearer/);
    writeFileSync(program, shown.replaceAll('/etc/rsync-ratchet', folder).replace('https://events.pagerduty.com', url), { mode: 0o700 });
    const { file } = writeConfig(folder, '/nowhere', { alerts: { email: undefined, command: [program] } });
    const good = await ratchet(['alert', 'test'], { config: file });
    assert.deepEqual([good.code, good.stderr, asked.length], [0, '', 1], good.stderr);
    if (asked[0] !== undefined) sees(asked[0]);
    status = 403;
    const bad = await ratchet(['alert', 'test'], { config: file });
    assert.deepEqual([bad.code, bad.stdout], [1, '']);
    assert.match(bad.stderr, /403/);
  });
}
