/** Mail, through nodemailer: SMTP, a local sendmail, or `.eml` files in a folder. */
import { createTransport, type SendMailOptions } from 'nodemailer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Email } from '../core/config.ts';
import type { Mail } from '../core/report.ts';
import { makeFolder, replaceFile } from './files.ts';

/** How long an SMTP server may take for any one step, in milliseconds. */
const patience = 30_000;

type Smtp = Extract<Email['transport'], { kind: 'smtp' }>;

/** Sends a mail, or writes it as a file. Throws what the transport says when it is not accepted. */
export async function sendMail(email: Email, mail: Mail, date: Date): Promise<void> {
  const message: SendMailOptions = {
    from: email.from, to: email.to, subject: mail.subject, text: mail.text, messageId: `<${mail.messageId}>`, date,
    ...(mail.references === undefined ? {} : { references: `<${mail.references}>`, inReplyTo: `<${mail.references}>` }),
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true, disableUrlAccess: true,
  };
  const { transport } = email;
  if (transport.kind === 'directory') await writeEml(transport.path, message, mail.messageId);
  else if (transport.kind === 'sendmail') await createTransport({ sendmail: true, path: transport.path, newline: 'unix' }).sendMail(message);
  else await sendBySmtp(transport, message);
}

/** Says hello to the mail server, and logs in where a user is configured; sends nothing. Throws what the server says. */
export async function greetSmtp(smtp: Smtp): Promise<void> {
  const transport = smtpTransport(smtp);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}

async function sendBySmtp(smtp: Smtp, message: SendMailOptions): Promise<void> {
  const transport = smtpTransport(smtp);
  try {
    const sent = await transport.sendMail(message);
    if (sent.rejected.length > 0) throw new Error(`the server refused ${sent.rejected.join(', ')}: ${sent.response}`);
  } finally {
    transport.close();
  }
}

function smtpTransport(smtp: Smtp) {
  return createTransport({
    host: smtp.host, port: smtp.port, secure: smtp.port === 465,
    // Opportunistic TLS keeps listeners out but proves nobody's identity, as between mail servers. A password is never sent
    // that way, nor without TLS unless the operator wrote `tls: none`: somebody in between can hide the offer of STARTTLS.
    requireTLS: smtp.tls === 'required' || (smtp.tls === 'opportunistic' && smtp.user !== undefined), ignoreTLS: smtp.tls === 'none',
    tls: { rejectUnauthorized: smtp.tls === 'required' || smtp.user !== undefined },
    connectionTimeout: patience, greetingTimeout: patience, socketTimeout: patience,
    ...(smtp.user === undefined ? {} : { auth: { user: smtp.user, pass: password(smtp.passwordFile) } }),
  });
}

function password(file: string | undefined): string {
  return file === undefined ? '' : readFileSync(file, 'utf8').replace(/\r?\n$/, '');
}

/** Written as a whole, so that whoever watches the folder never reads half a mail. */
async function writeEml(folder: string, message: SendMailOptions, messageId: string): Promise<void> {
  const rendered = await createTransport({ streamTransport: true, buffer: true, newline: 'unix' }).sendMail(message);
  makeFolder(folder);
  const name = messageId.replace(/@.*/, '').replace(/[^A-Za-z0-9.-]/g, '_');
  replaceFile(join(folder, `${name}.eml`), (rendered.message as Buffer).toString('utf8'));
}
