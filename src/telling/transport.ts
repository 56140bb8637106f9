/** Mail, through nodemailer: SMTP, a local sendmail, or `.eml` files in a folder. Import it lazily: it is large. */
import { createTransport, type SendMailOptions } from 'nodemailer';
import { join } from 'node:path';
import type { Email } from '../config/config.ts';
import type { Delivery, Refusal } from './channel.ts';
import type { Mail } from './mail.ts';
import { addressOf, encryptionOf, type Encryption } from '../config/smtp.ts';
import { Failure } from '../errors.ts';
import { makeFolder, replaceFile } from '../state/files.ts';
import { fullHostName } from '../programs/host-name.ts';
import { secretLine } from '../config/secret-line.ts';
import { handOver } from '../programs/hand-over.ts';

type Smtp = Extract<Email['transport'], { kind: 'smtp' }>;

/** What nodemailer says of a recipient that was refused. */
type RecipientError = Error & { recipient?: string; responseCode?: number };

/**
 * Sends a mail to `to`, which are some of `email.to`. A server that hangs costs at most `patience` milliseconds,
 * wherever it hangs. What goes wrong is a value.
 */
export async function sendMail(
  email: Email,
  mail: Mail,
  to: readonly string[],
  date: Date,
  patience: number,
): Promise<Delivery> {
  const recipients = to.map(addressOf);
  const message = messageOf(email, mail, recipients, date);
  const { transport } = email;
  try {
    if (transport.kind === 'smtp') return await bySmtp(transport, message, patience);
    if (transport.kind === 'directory')
      return delivered(recipients, `written to ${await writeEml(transport.path, message, mail.messageId)}`);
    const args = [...transport.args, '-i', '-f', addressOf(email.from), ...recipients];
    const wrong = await handOver(transport.path, args, await rendered(message), patience);
    if (wrong !== undefined) throw new Error(wrong);
    return delivered(recipients, `queued by ${transport.path}`);
  } catch (error) {
    const { code, rejectedErrors } = error as Error & { code?: string; rejectedErrors?: RecipientError[] };
    return {
      kind: 'undelivered',
      failure: failureOf(error as Error, transport),
      refused: refusals(rejectedErrors),
      isDown: code !== 'EENVELOPE' && code !== 'EMESSAGE',
    };
  }
}

function delivered(accepted: readonly string[], answer: string): Delivery {
  return { kind: 'delivered', accepted, refused: [], answer };
}

function messageOf(email: Email, mail: Mail, recipients: string[], date: Date): SendMailOptions {
  return {
    from: email.from,
    to: email.to,
    envelope: { from: addressOf(email.from), to: recipients },
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.messageId}>`,
    date,
    attachments: mail.attachments.map((each) => ({ ...each, contentType: 'application/x-ndjson' })),
    ...(mail.references === undefined ? {} : { references: `<${mail.references}>`, inReplyTo: `<${mail.references}>` }),
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

async function bySmtp(smtp: Smtp, message: SendMailOptions, patience: number): Promise<Delivery> {
  const signal = AbortSignal.timeout(patience);
  const encryption = encryptionOf(smtp);
  try {
    return await attempt(smtp, encryption, message, signal, patience);
  } catch (error) {
    if (signal.aborted) throw Object.assign(new Error(`no answer within ${patience / 1000} s`), { code: 'ETIMEDOUT' });
    if (!isAboutTls(error as Error) || !encryption.clearInstead) throw error;
    return await attempt(smtp, { ...encryption, startTls: 'never' }, message, signal, patience);
  }
}

/** Says hello to the mail server, and logs in where a user is configured; sends nothing. What goes wrong is returned. */
export async function greetSmtp(smtp: Smtp, patience: number): Promise<Failure | undefined> {
  const encryption = encryptionOf(smtp);
  const ways = encryption.clearInstead ? [encryption, { ...encryption, startTls: 'never' as const }] : [encryption];
  let failure: Failure | undefined;
  for (const way of ways) {
    const error = await smtpTransport(smtp, way, patience)
      .verify()
      .then(
        () => undefined,
        (thrown: unknown) => thrown as Error & { code?: string },
      );
    if (error === undefined) return undefined;
    failure = failureOf(error, smtp);
    if (!isAboutTls(error)) break;
  }
  return failure;
}

async function attempt(
  smtp: Smtp,
  encryption: Encryption,
  message: SendMailOptions,
  signal: AbortSignal,
  patience: number,
): Promise<Delivery> {
  const transport = smtpTransport(smtp, encryption, patience);
  const sent = (await transport.sendMail({ ...message, signal })) as {
    accepted: string[];
    rejectedErrors?: RecipientError[];
    response: string;
  };
  return { kind: 'delivered', accepted: sent.accepted, refused: refusals(sent.rejectedErrors), answer: sent.response };
}

function refusals(errors: readonly RecipientError[] = []): Refusal[] {
  return errors.map(({ recipient = '', message, responseCode = 0 }) => ({
    address: recipient,
    why: message,
    isFinal: responseCode >= 500,
  }));
}

function smtpTransport(smtp: Smtp, encryption: Encryption, patience: number) {
  const name = greetingOf(smtp);
  return createTransport({
    ...(name === undefined ? {} : { name }),
    host: smtp.host,
    port: smtp.port,
    secure: encryption.implicit,
    requireTLS: encryption.startTls === 'required',
    ignoreTLS: encryption.startTls === 'never',
    tls: { rejectUnauthorized: encryption.verified },
    connectionTimeout: patience,
    greetingTimeout: patience,
    dnsTimeout: patience,
    socketTimeout: patience,
    socketCloseTimeout: 1000,
    ...(smtp.user === undefined ? {} : { auth: { user: smtp.user, pass: password(smtp.passwordFile) } }),
  } as Parameters<typeof createTransport>[0]);
}

/** The name of this machine in EHLO; without one nodemailer says [127.0.0.1], which strict servers refuse. */
export function greetingOf({ name }: Smtp): string | undefined {
  return name ?? fullHostName();
}

/** A handshake that fails comes as an error of the socket, in OpenSSL's words. */
function isAboutTls(error: Error & { code?: string }): boolean {
  return error.code === 'ETLS' || (error.code === 'ESOCKET' && /\b(?:SSL|TLS|tlsv1|certificate)/.test(error.message));
}

function password(file: string | undefined): string {
  return file === undefined ? '' : secretLine(file);
}

async function rendered(message: SendMailOptions): Promise<Buffer> {
  const { message: bytes } = await createTransport({ streamTransport: true, buffer: true, newline: 'unix' }).sendMail(
    message,
  );
  return bytes as Buffer;
}

/** Written as a whole, so that whoever watches the folder never reads half a mail. Returns the file's path. */
async function writeEml(folder: string, message: SendMailOptions, messageId: string): Promise<string> {
  makeFolder(folder);
  const path = join(folder, `${messageId.replace(/@.*/, '').replace(/[^A-Za-z0-9.-]/g, '_')}.eml`);
  replaceFile(path, await rendered(message));
  return path;
}

const hints: Readonly<Record<string, string>> = {
  EAUTH: 'the mail server refused the login: check alerts.email.smtp.user and passwordFile',
  ETLS: 'encryption failed: check alerts.email.smtp.tls, the port, and the certificate (NODE_EXTRA_CA_CERTS names an authority of your own)',
  ETIMEDOUT: 'the mail server does not answer: is it up, and does a firewall let this machine in?',
  EDNS: "the mail server's name is unknown: check alerts.email.smtp.host",
  EENVELOPE: 'the mail server refuses the sender or the recipients: check alerts.email.from and to',
};

/** An error of nodemailer's, with what the server answered. */
type MailError = Error & { code?: string; responseCode?: number };

function failureOf(error: MailError, transport: Email['transport']): Failure {
  return new Failure(error.message, hintFor(error, transport), { cause: error });
}

/** Words are for hints alone: which answer to which command was the refusal of our name they do say. */
function hintFor(error: MailError, transport: Email['transport']): string {
  if (transport.kind !== 'smtp') return `check alerts.email.${transport.kind} in the configuration`;
  if (/\b(?:HELO|EHLO)\b|fully.qualified/i.test(error.message)) {
    return `the mail server refuses the name with which this machine greets it (${greetingOf(transport) ?? '[127.0.0.1]'}): write its full name into alerts.email.smtp.name`;
  }
  if (error.code === 'EENVELOPE' && Math.floor((error.responseCode ?? 0) / 100) === 4) {
    return 'the mail server refuses for now: greylisting passes by itself. An alert waits in the spool and is tried again; a test is not, so try that once more in some minutes';
  }
  return (
    hints[isAboutTls(error) ? 'ETLS' : (error.code ?? '')] ??
    'check alerts.email.smtp in the configuration, and the mail server'
  );
}
