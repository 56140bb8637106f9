/** A program of the operator's that gets each alert, whatever it does with it; what it gets is worded by alert-json.ts. */
import { commandLine } from '../../config/values.ts';
import { alertJson, severityOf } from '../alert-json.ts';
import type { AlertChannel } from '../channel.ts';

/** What stands for it among those who have an alert. */
const recipient = 'alerts.command';

/** `alerts.command`: a program and its arguments. */
export const command: AlertChannel<readonly string[]> = {
  brings: 'alerts',
  name: 'command',
  key: ['alerts', 'command'],
  description: 'A program that gets each alert: as JSON on its stdin, severity and subject as its last two arguments.',
  schema: commandLine,
  secrets: () => [],
  look: async (line) => (await import('./look-at-command.ts')).lookAtCommand(line),
  recipients: () => [recipient],
  send: async ([program = '', ...args], alert, to, patience) => {
    const { bringByProgram } = await import('../by-program.ts');
    const last = [severityOf(alert), alert.mail.subject];
    return bringByProgram(program, [...args, ...last], alertJson(alert), to, patience);
  },
};
