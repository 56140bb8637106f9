/** What `doctor` sees of mail. Import it lazily: it is large. */
import { passwordFault } from '../../config/secret-line.ts';
import { isThisMachine } from '../../config/smtp.ts';
import type { Email } from '../../config/types.ts';
import { bad, good, warning, type Verdict } from '../../doctor/checkup.ts';
import { findProgram } from '../../programs/process.ts';
import { isWritable } from '../../state/files.ts';
import { greetingOf, greetSmtp } from '../transport.ts';

/** How long a mail server may take for one step, in milliseconds. */
const smtpPatience = 15_000;

/** Whether a mail would go out: the program or folder is there, or the server answers. Sends nothing. */
export async function lookAtMail({ transport }: Email): Promise<Verdict> {
  if (transport.kind === 'sendmail')
    return good([findProgram(transport.path, 'a mail server such as postfix'), ...transport.args].join(' '));
  if (transport.kind === 'directory') {
    return isWritable(transport.path)
      ? good(`${transport.path} (files)`)
      : bad(`${transport.path} is not there, or not writable`, `install -d -m 700 -o "$(id -un)" ${transport.path}`);
  }
  const wrong = transport.passwordFile === undefined ? undefined : passwordFault(transport.passwordFile);
  if (wrong !== undefined) return bad(wrong, `write it anew, as one line, into ${transport.passwordFile ?? ''}`);
  const place = `${transport.host}:${transport.port}`;
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
