/** An alert for programs: `alerts.command` gets this on its stdin. */
import type { About, Alert } from './channel.ts';

/** An alert of a version that did not say how bad it is counts as the worst. */
export function severityOf({ mail }: Alert): About['severity'] {
  return mail.about?.severity ?? 'critical';
}

/** One JSON document. `thread` is the same for all alerts of one alarm. */
export function alertJson(alert: Alert): string {
  const { repository, runId, at, mail } = alert;
  const { outcome = null, exitCode = null, host = null, rules = [] } = mail.about ?? {};
  const facts = { host, repository, runId, outcome, exitCode, rules };
  const thread = mail.references ?? mail.messageId;
  const words = { severity: severityOf(alert), subject: mail.subject, text: mail.text };
  return `${JSON.stringify({ version: 1, id: mail.messageId, thread, time: at, ...words, ...facts }, null, 2)}\n`;
}
