/** What `doctor` looks at of those who are told: the mail server, the monitor, the file of figures. */
import { dirname } from 'node:path';
import { addressIn, passwordFault } from '../config/secret-line.ts';
import { isThisMachine } from '../config/smtp.ts';
import type { Email } from '../config/types.ts';
import { findProgram } from '../programs/process.ts';
import { isWritable } from '../state/files.ts';
import { secretCross, type Check } from './ask.ts';
import { bad, good, warning, type Verdict } from './checkup.ts';

/** How long a mail server may take for one step, in milliseconds. */
const smtpPatience = 15_000;
export async function mail(email: Email | undefined): Promise<Verdict> {
  if (email === undefined)
    return warning(
      'none configured: nobody is told of an alarm but by exit codes',
      'add alerts.email to the configuration',
    );
  const { transport } = email;
  if (transport.kind === 'sendmail')
    return good([findProgram(transport.path, 'a mail server such as postfix'), ...transport.args].join(' '));
  if (transport.kind === 'directory') {
    return isWritable(transport.path)
      ? good(`${transport.path} (files)`)
      : bad(`${transport.path} is not there, or not writable`, `install -d -m 700 -o "$(id -un)" ${transport.path}`);
  }
  const fault = secretCross(transport.passwordFile);
  if (fault !== undefined) return fault;
  const wrong = transport.passwordFile === undefined ? undefined : passwordFault(transport.passwordFile);
  if (wrong !== undefined) return bad(wrong, `write it anew, as one line, into ${transport.passwordFile ?? ''}`);
  const place = `${transport.host}:${transport.port}`;
  const { greetingOf, greetSmtp } = await import('../telling/transport.ts');
  const failure = await greetSmtp(transport, smtpPatience);
  const name = greetingOf(transport);
  if (failure === undefined && name === undefined && !isThisMachine(transport.host))
    return warning(
      `${place} answers, but this machine knows no full name of its own to greet it with: strict servers take no mail then`,
      'say alerts.email.smtp.name: the full name of this machine',
    );
  if (failure === undefined)
    return good(`${place} answers${transport.user === undefined ? '' : `, and knows ${transport.user}`}`);
  return bad(`${place}: ${failure.message}`, `${failure.hint}; then: rsync-ratchet alert test`);
}
export function ping(file: string | undefined): Check[] {
  const look = (): Verdict => {
    const fault = secretCross(file);
    if (fault !== undefined) return fault;
    const address = addressIn(file ?? '');
    return address instanceof URL
      ? good(`${file ?? ''} has an address`)
      : bad(address, `put the one http(s) address of the monitor into ${file ?? ''}`);
  };
  return file === undefined ? [] : [{ item: 'ping', look }];
}
export function metrics(file: string | undefined): Check[] {
  if (file === undefined) return [];
  const folder = dirname(file);
  return [
    {
      item: 'metrics',
      look: () =>
        isWritable(folder)
          ? good(file)
          : bad(`${folder} is not there, or not writable`, `install -d -o "$(id -un)" ${folder}`),
    },
  ];
}
