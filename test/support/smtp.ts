/** A real SMTP server on a loopback port that keeps what it was sent, or misbehaves as it is told. */
import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerEnvelope, type SMTPServerSession } from 'smtp-server';
import { type Mail, parseMail } from './mail.ts';
import { temporaryFolder } from './temporary.ts';

/** How the server behaves. `reject`, `hang` and `drop` are looked at anew every time: change them as the test goes on. */
export interface SmtpBehaviour {
  /** Mail is taken only after a login with these. */
  readonly auth?: { readonly user: string; readonly pass: string };
  /**
   * `starttls`: offered (and needed for a login); `implicit`: TLS from the first byte; `broken`: offered, and then only
   * in a version that nobody speaks any more. By default plain, login too.
   */
  readonly tls?: 'none' | 'starttls' | 'implicit' | 'broken';
  /** Takes no sender before STARTTLS. */
  readonly demandTls?: boolean;
  /** By default a free one. */
  readonly port?: number;
  /** Recipients that are refused with 550. */
  reject?: readonly string[];
  /** Recipients that are refused with 450 for now, as greylisting does. */
  later?: readonly string[];
  /** Names in EHLO or HELO that no recipient is taken from, as Postfix does (reject_non_fqdn_helo_hostname). */
  readonly refuseName?: RegExp;
  /** Goes silent: without a greeting, or after the whole message has come. */
  hang?: 'connect' | 'data' | undefined;
  /** Ends the connection without a word: at once, or after the whole message has come. */
  drop?: 'connect' | 'data' | undefined;
}

/** One message that the server took. */
export interface Received extends Mail {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** Who had logged in. */
  readonly user: string | undefined;
}

/** A running server. */
export interface Smtp {
  readonly port: number;
  /** PEM file of its self-signed certificate for localhost and 127.0.0.1 (for NODE_EXTRA_CA_CERTS); '' without TLS. */
  readonly certificateFile: string;
  readonly messages: readonly Received[];
  /** Resolves when it has gone silent once more. */
  hung(): Promise<unknown>;
  /** How many connections were made so far, of those that came to nothing too. */
  connections(): number;
  /** Resolves when n messages have come. */
  waitFor(n: number, timeout?: number): Promise<readonly Received[]>;
  /** Ends it and every connection. */
  stop(): Promise<void>;
}

/** Starts the server; resolves when it listens. */
export async function startSmtp(behaviour: SmtpBehaviour = {}): Promise<Smtp> {
  const messages: Received[] = [];
  const news = new EventEmitter();
  let connections = 0;
  const tls = behaviour.tls === undefined || behaviour.tls === 'none' ? undefined : certificate();
  const server = new SMTPServer({
    ...(tls === undefined ? {} : { key: tls.pem, cert: tls.pem }),
    ...(behaviour.tls === 'broken' ? { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as object : {}),
    secure: behaviour.tls === 'implicit',
    authOptional: behaviour.auth === undefined,
    disabledCommands: [...(tls === undefined ? ['STARTTLS'] : []), ...(behaviour.auth === undefined ? ['AUTH'] : [])],
    disableReverseLookup: true,
    closeTimeout: 1,
    onAuth({ username, password }, _session, done) {
      const right = username === behaviour.auth?.user && password === behaviour.auth?.pass;
      done(right ? null : new Error('Invalid username or password'), { user: username });
    },
    onConnect(session, done) {
      connections += 1;
      misbehave('connect', session, done);
    },
    onMailFrom(_address, session, done) {
      const isRefused = behaviour.demandTls === true && !session.secure;
      done(isRefused ? Object.assign(new Error('Must issue a STARTTLS command first'), { responseCode: 530 }) : null);
    },
    onRcptTo({ address }, session, done) {
      const named = (session as { hostNameAppearsAs?: string }).hostNameAppearsAs ?? '';
      const refused = behaviour.refuseName?.test(named) === true ? [504, `<${named}>: Helo command rejected: need fully-qualified hostname`] as const
        : behaviour.reject?.includes(address) === true ? [550, `No such user ${address}`] as const
          : behaviour.later?.includes(address) === true ? [450, `Greylisted ${address}`] as const : undefined;
      done(refused === undefined ? null : Object.assign(new Error(refused[1]), { responseCode: refused[0] }));
    },
    onData(stream, session, done) {
      take(stream, session, done).catch(() => undefined); // nor one in the middle of a message
    },
  });
  const misbehave = (when: 'connect' | 'data', session: SMTPServerSession, otherwise: () => void): void => {
    if (behaviour.drop === when) dropConnection(server, session);
    else if (behaviour.hang !== when) otherwise();
    else news.emit('hung');
  };
  const take = async (stream: SMTPServerDataStream, session: SMTPServerSession, done: () => void): Promise<void> => {
    const mail = parseMail(await readText(stream));
    misbehave('data', session, () => {
      messages.push({ ...mail, envelope: plain(session.envelope), secure: session.secure, user: session.user });
      done();
      news.emit('message');
    });
  };
  server.on('error', () => undefined); // A client that hangs up is no news.
  const listener = server.listen(behaviour.port ?? 0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    certificateFile: tls?.file ?? '',
    messages,
    connections: () => connections,
    hung: () => once(news, 'hung', { signal: AbortSignal.timeout(120_000) }),
    async waitFor(n, timeout = 120_000) {
      const signal = AbortSignal.timeout(timeout);
      while (messages.length < n) await once(news, 'message', { signal });
      return messages;
    },
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

function plain(envelope: SMTPServerEnvelope): Received['envelope'] {
  const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
  return { from, to: envelope.rcptTo.map(({ address }) => address) };
}

function dropConnection(server: SMTPServer, session: SMTPServerSession): void {
  type Connection = { readonly session: SMTPServerSession; readonly _socket: { destroy(): void } };
  for (const connection of server.connections as Set<Connection>) {
    if (connection.session.id === session.id) connection._socket.destroy();
  }
}

function certificate(): { file: string; pem: string } {
  const file = join(temporaryFolder(), 'certificate.pem');
  const argv = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', '-', '-out', '-'];
  const pem = execFileSync('openssl', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  writeFileSync(file, pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')));
  return { file, pem };
}
