import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Email, Transport } from '../../src/config/config.ts';
import type { Mail } from '../../src/telling/mail.ts';
import type { Delivery } from '../../src/telling/channel.ts';
import { sendMail } from '../../src/telling/transport.ts';
import { mailsIn } from '../support/config.ts';
import { parseMail } from '../support/mail.ts';
import { startSmtp, type Smtp, type SmtpBehaviour } from '../support/smtp.ts';
import { freePort } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temporary.ts';

const date = new Date('2026-11-23T01:28:45Z');
const mail: Mail = { subject: '[ALARM] nightly on serverB: 3 modified', text: 'line one\n.\nFrom here\n  indented \nlast\n', messageId: '20261123T012744Z-3f9c.nightly@serverB', references: undefined, html: '<p>line one</p>\n', attachments: [], about: undefined };
const email = (transport: Transport, to = ['ops@example.test']): Email => ({ from: 'Ratchet <ratchet@serverb.test>', to, transport, onSuccess: 'never' });
type SmtpOptions = Omit<Extract<Transport, { kind: 'smtp' }>, 'kind' | 'host' | 'port' | 'tls'> & { host?: string; tls?: 'required' | 'opportunistic' | 'implicit' | 'none' };
const send = (to: Email, given: Mail = mail): Promise<Delivery> => sendMail(to, given, to.to, date, 60_000);

/** What is said about a mail that nobody has. */
async function undelivered(to: Email): Promise<string> {
  const delivery = await send(to);
  return delivery.kind === 'undelivered' ? delivery.failure.message : assert.fail(delivery.answer);
}

async function delivered(to: Email, given: Mail = mail): Promise<Extract<Delivery, { kind: 'delivered' }>> {
  const delivery = await send(to, given);
  return delivery.kind === 'delivered' ? delivery : assert.fail(delivery.failure.message);
}

async function server(t: TestContext, behaviour: SmtpBehaviour = {}): Promise<Smtp> {
  const smtp = await startSmtp(behaviour);
  t.after(() => smtp.stop());
  return smtp;
}
const via = ({ port }: { port: number }, options: SmtpOptions = {}): Transport => ({ kind: 'smtp', host: '127.0.0.1', port, tls: 'opportunistic', ...options });
function secret(t: TestContext, content: string): string {
  const path = join(temporaryFolder(t), 'password');
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

describe('SMTP', () => {
  test('plain: what was said is what arrives', async (t) => {
    const smtp = await server(t);
    await delivered(email(via(smtp), ['ops@example.test', 'Two <two@example.test>']));
    const [got] = smtp.messages;
    assert.deepEqual(got?.envelope, { from: 'ratchet@serverb.test', to: ['ops@example.test', 'two@example.test'] });
    assert.deepEqual([got.subject, got.text.replaceAll('\r\n', '\n'), got.secure], [mail.subject, mail.text, false]);
    const headers = ['from', 'to', 'message-id', 'date', 'auto-submitted'].map((name) => got.headers.get(name));
    assert.deepEqual(headers, ['Ratchet <ratchet@serverb.test>', 'ops@example.test, Two <two@example.test>', `<${mail.messageId}>`, 'Mon, 23 Nov 2026 01:28:45 +0000', 'auto-generated']);
  });

  test('a strict server takes the name that is configured; without it the hint names the key', async (t) => {
    const smtp = await server(t, { refuseName: /^(?!serverb\.example\.org$)/ });
    const refused = await send(email(via(smtp, { name: 'short' })));
    assert.ok(refused.kind === 'undelivered');
    assert.match(refused.failure.hint, /refuses the name with which this machine greets it \(short\): write its full name into alerts\.email\.smtp\.name/);
    await delivered(email(via(smtp, { name: 'serverb.example.org' })));
    assert.equal(smtp.messages.length, 1);
  });

  test('all recipients greylisted: the hint says that this passes, and blames no address; refused for good it does', async (t) => {
    const hint = async (behaviour: SmtpBehaviour): Promise<string> => {
      const refused = await send(email(via(await server(t, behaviour))));
      return refused.kind === 'undelivered' ? refused.failure.hint : refused.kind;
    };
    assert.match(await hint({ later: ['ops@example.test'] }), /^the mail server refuses for now: greylisting passes by itself\. An alert waits in the spool/);
    assert.match(await hint({ reject: ['ops@example.test'] }), /check alerts\.email\.from and to$/);
  });

  test('tls: implicit speaks TLS from the first byte on any port, and wants a certificate that is valid', async (t) => {
    const smtp = await server(t, { tls: 'implicit' });
    assert.match(await undelivered(email(via(smtp, { tls: 'implicit', host: 'localhost' }))), /self.signed certificate/);
    const plain = await server(t);
    assert.match(await undelivered(email(via(plain, { tls: 'implicit' }))), /SSL|TLS|wrong version/);
    assert.deepEqual([smtp.messages, plain.messages], [[], []]);
  });

  test('STARTTLS is used where it is offered, although nobody vouches for the server', async (t) => {
    const smtp = await server(t, { tls: 'starttls' });
    await delivered(email(via(smtp)));
    assert.equal(smtp.messages[0]?.secure, true);
  });

  test('tls: none does not use it', async (t) => {
    const smtp = await server(t, { tls: 'starttls' });
    await delivered(email(via(smtp, { tls: 'none' })));
    assert.equal(smtp.messages[0]?.secure, false);
  });

  const refusals: readonly (readonly [name: string, behaviour: SmtpBehaviour, options: SmtpOptions & { pass?: string }, says: RegExp])[] = [
    ['tls: required, and the server has none', {}, { tls: 'required' }, /STARTTLS|TLS/],
    ['tls: required, and nobody vouches for the server', { tls: 'starttls' }, { tls: 'required' }, /self-signed/],
    // 0.0.0.0 leads to this machine and is not one of the names for it, so it stands for a server somewhere else.
    ['a login elsewhere, and nobody vouches for the server', { tls: 'starttls', auth: { user: 'u', pass: 'p' } }, { host: '0.0.0.0', user: 'u', pass: 'p' }, /self-signed/],
    ['a login elsewhere, and the server has no TLS', { auth: { user: 'u', pass: 'p' } }, { host: '0.0.0.0', user: 'u', pass: 'p' }, /STARTTLS|TLS/],
    ['a wrong password', { auth: { user: 'u', pass: 'p' } }, { user: 'u', pass: 'wrong', tls: 'none' }, /Invalid username or password/],
    ['the only recipient refused', { reject: ['ops@example.test'] }, {}, /No such user ops@example\.test/],
    ['the connection ends at once', { drop: 'connect' }, {}, /./],
    ['the connection ends before the mail is taken', { drop: 'data' }, {}, /./],
  ];
  for (const [name, behaviour, { pass, ...options }, says] of refusals) {
    test(`${name}: an error, and nothing was taken`, async (t) => {
      const smtp = await server(t, behaviour);
      const login = pass === undefined ? {} : { passwordFile: secret(t, pass) };
      assert.match(await undelivered(email(via(smtp, { ...options, ...login }))), says);
      assert.deepEqual(smtp.messages, []);
    });
  }

  for (const end of ['', '\n', '\r\n']) {
    test(`a login with a password file that ends in ${JSON.stringify(end)}`, async (t) => {
      const smtp = await server(t, { auth: { user: 'u', pass: ' p\u00e4ss ' } });
      await delivered(email(via(smtp, { user: 'u', passwordFile: secret(t, ` p\u00e4ss ${end}`), tls: 'none' })));
      assert.equal(smtp.messages[0]?.user, 'u');
    });
  }

  test('one recipient of two refused: it is named, as the server said it; the other has the mail', async (t) => {
    const smtp = await server(t, { reject: ['two@example.test'] });
    const { accepted, refused } = await delivered(email(via(smtp), ['ops@example.test', 'two@example.test']));
    assert.deepEqual([accepted, refused.map(({ address }) => address)], [['ops@example.test'], ['two@example.test']]);
    assert.match(refused[0]?.why ?? '', /No such user two@example\.test/);
    assert.deepEqual(smtp.messages.map(({ envelope }) => envelope.to), [['ops@example.test']]);
  });

  test('nobody listens', async () => {
    assert.match(await undelivered(email(via({ port: await freePort() }))), /ECONNREFUSED/);
  });

  describe('with a certificate that the machine trusts', () => {
    let smtp: Smtp;
    before(async () => { smtp = await startSmtp({ tls: 'starttls', auth: { user: 'u', pass: 'p' } }); });
    after(() => smtp.stop());

    test('tls: required, with a login', async (t) => {
      const transport = { ...via(smtp, { user: 'u', passwordFile: secret(t, 'p\n'), tls: 'required' }), host: 'localhost' };
      const script = `
        import { sendMail } from ${JSON.stringify(new URL('../../src/telling/transport.ts', import.meta.url).href)};
        const { kind } = await sendMail(${JSON.stringify(email(transport))}, ${JSON.stringify(mail)}, ['ops@example.test'], new Date(), 60000);
        if (kind !== 'delivered') process.exitCode = 1;
      `;
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: smtp.certificateFile }; // Node reads it only when it starts.
      await promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { env });
      assert.deepEqual(smtp.messages.map(({ secure, user }) => ({ secure, user })), [{ secure: true, user: 'u' }]);
    });
  });
});

describe('sendmail', () => {
  /** A sendmail that writes down what it was given. */
  function recorder(t: TestContext, end = 'exit 0'): { path: string; argv: () => string[]; stdin: () => string } {
    const folder = temporaryFolder(t);
    const path = join(folder, 'send mail');
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\0' "$@" >'${folder}/argv'\ncat >'${folder}/stdin'\n${end}\n`, { mode: 0o700 });
    return { path, argv: () => readFileSync(join(folder, 'argv'), 'utf8').split('\0').slice(0, -1), stdin: () => readFileSync(join(folder, 'stdin'), 'utf8') };
  }

  test('gets the addresses as arguments and the mail on stdin', async (t) => {
    const sendmail = recorder(t);
    await delivered(email({ kind: 'sendmail', path: sendmail.path, args: [] }, ['ops@example.test', 'two@example.test']));
    assert.deepEqual(sendmail.argv(), ['-i', '-f', 'ratchet@serverb.test', 'ops@example.test', 'two@example.test']);
    const got = parseMail(sendmail.stdin());
    assert.deepEqual([got.subject, got.text, got.headers.get('auto-submitted')], [mail.subject, mail.text, 'auto-generated']);
    assert.doesNotMatch(sendmail.stdin(), /\r/);
  });

  test('an exit code is an error', async (t) => {
    assert.match(await undelivered(email({ kind: 'sendmail', path: recorder(t, 'exit 75').path, args: [] })), /75/);
  });

  test('one that is not there is an error', async (t) => {
    assert.match(await undelivered(email({ kind: 'sendmail', path: join(temporaryFolder(t), 'none'), args: [] })), /ENOENT|not found/);
  });

  test('a shell is never asked', async (t) => {
    const sendmail = recorder(t);
    await delivered(email({ kind: 'sendmail', path: sendmail.path, args: ['-a', 'my account'] }, ['a$HOME@example.test']));
    assert.deepEqual(sendmail.argv().slice(0, 3), ['-a', 'my account', '-i']);
    assert.equal(sendmail.argv().at(-1), 'a$HOME@example.test');
  });
});

describe('a folder', () => {
  test('is made, and gets one file a mail, for us alone, complete', async (t) => {
    const path = join(temporaryFolder(t), 'made/mails');
    await delivered(email({ kind: 'directory', path }));
    assert.deepEqual(readdirSync(path), ['20261123T012744Z-3f9c.nightly.eml']);
    assert.equal(lstatSync(join(path, '20261123T012744Z-3f9c.nightly.eml')).mode & 0o777, 0o600);
    const [got] = mailsIn(path);
    assert.deepEqual([got?.subject, got?.text, got?.headers.get('to')], [mail.subject, mail.text, 'ops@example.test']);
  });

  test('a name never leads out of it', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'mails');
    mkdirSync(path);
    await delivered(email({ kind: 'directory', path }), { ...mail, messageId: '../../x\0/y@host' });
    assert.deepEqual([readdirSync(path), readdirSync(folder)], [['.._.._x__y.eml'], ['mails']]);
  });

  test('one that cannot be made is an error', async (t) => {
    const file = join(temporaryFolder(t), 'file');
    writeFileSync(file, '');
    assert.match(await undelivered(email({ kind: 'directory', path: join(file, 'mails') })), /ENOTDIR/);
    assert.ok(!existsSync(`${file}.new`));
  });
});

describe('header injection', () => {
  const words = ['x\r\nBcc: evil@example.test\r\n\r\nbody', 'x\nBcc: evil@example.test', 'x\rBcc: evil@example.test', 'x\0y', '\u2028Bcc: x', 'x'.repeat(3000), '=?utf-8?Q?=0ABcc: x?=', '\u00e4\u{1f4be}'];
  for (const subject of words) {
    test(`a subject like ${JSON.stringify(subject.slice(0, 40))} adds no header and no line`, async (t) => {
      const path = temporaryFolder(t);
      await delivered(email({ kind: 'directory', path }), { ...mail, subject });
      const [got] = mailsIn(path);
      assert.deepEqual([...got?.headers.keys() ?? []].filter((name) => !['content-type', 'content-transfer-encoding', 'mime-version'].includes(name)).sort(),
        ['auto-submitted', 'date', 'from', 'message-id', 'subject', 'to']);
      assert.equal(got?.text, mail.text);
    });
  }
});
