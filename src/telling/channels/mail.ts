/** Mail, as the configuration has it: who gets it, and the one way to send it; transport.ts sends it. */
import * as v from 'valibot';
import { at, mapping } from '../../config/raw.ts';
import { key } from '../../config/repository-schema.ts';
import { passwordFault } from '../../config/secret-line.ts';
import { isThisMachine } from '../../config/smtp.ts';
import { isGreeting, isMailHost } from '../../config/source.ts';
import type { Email, Finding, Transport } from '../../config/types.ts';
import {
  type Resolve,
  address,
  commandLine,
  list,
  matching,
  oneOf,
  path,
  secretFile,
  text,
  whole,
} from '../../config/values.ts';
import type { AlertChannel } from '../channel.ts';

const localSmtp = { host: 'localhost', port: 25, tls: 'opportunistic' } as const;

/** The ways to send a mail, of which there is exactly one. */
const ways = ['smtp', 'sendmail', 'directory'];

function smtp(resolve: Resolve) {
  return v.strictObject({
    host: key(
      v.optional(matching("must be a mail server's name or address, such as localhost", isMailHost), localSmtp.host),
      'The mail server.',
    ),
    port: key(
      v.optional(whole(1, 65535), localSmtp.port),
      'Its port; 465 means TLS from the start, as tls: implicit does on any.',
    ),
    tls: key(
      v.optional(oneOf('required', 'opportunistic', 'implicit', 'none'), localSmtp.tls),
      'Encryption: required (STARTTLS with a valid certificate), opportunistic (when the server offers it), implicit (TLS from the start, with a valid certificate), or none.',
    ),
    name: key(
      v.exactOptional(
        matching('must be a host name such as serverb.example.org, or an address in brackets', isGreeting),
      ),
      'The name with which the mail server is greeted (EHLO); without it the full name of this machine.',
    ),
    user: key(
      v.exactOptional(text('must be the user name for the mail server')),
      'The login, if the server wants one; together with passwordFile.',
    ),
    passwordFile: key(
      v.exactOptional(secretFile(resolve)),
      'A file with the password of the login, closed to others, or credential:NAME.',
    ),
  });
}

/** Who gets a mail, and by which of the ways. */
function schema(resolve: Resolve) {
  const fields = v.strictObject({
    from: key(address, 'The sender, such as ratchet@serverB.'),
    to: key(
      v.pipe(list(address, 'mail addresses'), v.minLength(1, 'must name at least one mail address')),
      'The recipients.',
    ),
    smtp: key(v.exactOptional(smtp(resolve)), 'Send by SMTP; smtp: {} is a mail server on this machine.'),
    sendmail: key(
      v.exactOptional(commandLine(resolve)),
      'Send with a program on this machine: /usr/sbin/sendmail, or with arguments as a list [/usr/bin/msmtp, -a, work].',
    ),
    directory: key(v.exactOptional(path(resolve)), 'Write each mail as an .eml file into this folder.'),
    onSuccess: key(
      v.optional(oneOf('never', 'always', 'recovery'), 'never'),
      'Whether good nights are mailed too: never, always, or recovery (the first good one after a bad one).',
    ),
  });
  return v.pipe(
    fields,
    v.metadata({ oneOf: ways.map((way) => ({ required: [way] })) }),
    v.transform(({ from, to, onSuccess, ...way }): Email => ({ from, to, onSuccess, transport: transport(way) })),
  );
}

/** The way that is given. */
function transport(way: {
  smtp?: Omit<Extract<Transport, { kind: 'smtp' }>, 'kind'>;
  sendmail?: string[];
  directory?: string;
}): Transport {
  const [path, ...args] = way.sendmail ?? [];
  if (path !== undefined) return { kind: 'sendmail', path, args };
  if (way.directory !== undefined) return { kind: 'directory', path: way.directory };
  return { kind: 'smtp', ...(way.smtp ?? localSmtp) };
}

function transportFindings(raw: unknown): Finding[] {
  const path = ['alerts', 'email'];
  const email = at(raw, path);
  if (typeof email !== 'object' || email === null || Array.isArray(email)) return [];
  const given = Object.keys(email).filter((key) => ways.includes(key));
  if (given.length === 0)
    return [
      {
        path,
        at: 'key',
        message:
          'must say how to send: exactly one of smtp, sendmail, directory (smtp: {} is a mail server on this machine)',
      },
    ];
  return given.slice(1).map((key) => ({
    path: [...path, key],
    at: 'key',
    message: `must be the only way to send: exactly one of smtp, sendmail, directory; ${given[0] ?? ''} is there already`,
  }));
}

/** A password goes out in the clear to this machine alone. */
function loginFindings(raw: unknown): Finding[] {
  const path = ['alerts', 'email', 'smtp'];
  const smtp = mapping(raw, ...path);
  const absent = ['user', 'passwordFile'].filter((key) => !Object.hasOwn(smtp, key));
  if (absent.length === 1)
    return absent.map((key) => ({
      path: [...path, key],
      at: 'parent',
      message: 'is missing: user and passwordFile must come together',
    }));
  const [tls, host = 'localhost'] = [at(smtp, ['tls']), at(smtp, ['host'])];
  if (absent.length > 0 || tls !== 'none' || typeof host !== 'string' || isThisMachine(host)) return [];
  return [
    {
      path: [...path, 'tls'],
      at: 'value',
      message: `must be required or implicit: with none the password of user would go over the network in the clear`,
    },
  ];
}

/** `alerts.email`. */
export const mail: AlertChannel<Email> = {
  brings: 'alerts',
  name: 'mail',
  key: ['alerts', 'email'],
  description: 'Mail: who gets it, and by exactly one of smtp, sendmail, directory.',
  schema,
  rules: (raw) => [...transportFindings(raw), ...loginFindings(raw)],
  secrets: (email) => [
    {
      path: ['smtp', 'passwordFile'],
      file: email.transport.kind === 'smtp' ? email.transport.passwordFile : undefined,
      fault: passwordFault,
    },
  ],
  look: async (email) => (await import('./look-at-mail.ts')).lookAtMail(email),
  recipients: ({ to }) => to,
  send: async (email, { mail: words, at }, to, patience) =>
    (await import('../transport.ts')).sendMail(email, words, to, new Date(at), patience),
};
