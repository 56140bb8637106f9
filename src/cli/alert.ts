/** `alert test | flush`: does a mail get through, and what waits in the spool. */
import { formatCount } from '../figures.ts';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { Config, Email } from '../config/config.ts';
import { testMail } from '../telling/mail.ts';
import { escapeText } from '../printable.ts';
import { exitCodes, UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import { refreshMetrics } from '../telling/metrics.ts';
import { mailPatience, Outbox, type Flushed } from '../telling/outbox.ts';
import { configOf, consoleOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addAlert(program: Command, context: CliContext): void {
  const group = program.command('alert').description('the mails that tell people');
  const test = group
    .command('test')
    .description('send a test mail through the real transport, and say what the server answered')
    .action(async () => {
      context.exit(await sendTest(test));
    });
  const flush = group
    .command('flush')
    .description('send the alerts that wait in the spool')
    .action(async () => {
      context.exit(await flushNow(flush));
    });
  for (const command of [group, test, flush]) withExitCodes(command, [0, 1, 2]);
}

/** Sends what waits in the spool, before a command that mails begins; silent when nothing waits. Never throws. */
export async function retrySpool(config: Config, console: Console): Promise<Flushed> {
  const {
    alerts: { email },
    state = '',
  } = config;
  if (email === undefined) return { sent: 0, spooled: 0 };
  const flushed = await new Outbox(email, state, (failure) => {
    console.error(failure);
  }).flush(() => new Date());
  if (flushed.sent > 0)
    console.mention(
      `${formatCount(flushed.sent)} ${flushed.sent === 1 ? 'alert' : 'alerts'} that had waited in the spool: sent`,
      'good',
    );
  return flushed;
}

function emailOf(config: Config): Email {
  if (config.alerts.email !== undefined) return config.alerts.email;
  throw new UsageError(
    'no mail is configured',
    'say in alerts.email from whom, to whom and how; see rsync-ratchet config generate',
  );
}

async function flushNow(command: Command): Promise<number> {
  const config = configOf(command, []);
  const console = consoleOf(command);
  emailOf(config);
  const flushed = await retrySpool(config, console);
  await refreshMetrics(config, console, new Date());
  if (wantsJson(command)) console.document(JSON.stringify({ version: 1, ...flushed }, null, 2));
  if (flushed.failed === true) return exitCodes.failed;
  if (flushed.spooled > 0)
    console.mention(
      `${formatCount(flushed.spooled)} ${flushed.spooled === 1 ? 'alert waits' : 'alerts wait'} in the spool still`,
      'warning',
    ); // --quiet: stderr has said it
  else if (flushed.sent === 0) console.mention('no alert waits in the spool');
  return flushed.spooled > 0 ? exitCodes.failed : 0;
}

async function sendTest(command: Command): Promise<number> {
  const config = configOf(command, []);
  const console = consoleOf(command);
  const email = emailOf(config);
  await retrySpool(config, console);
  const { sendMail } = await import('../telling/transport.ts');
  const now = new Date();
  const delivery = await sendMail(
    email,
    testMail(now, randomBytes(2).toString('hex'), hostname()),
    email.to,
    now,
    mailPatience,
  );
  const { accepted, refused, answer } =
    delivery.kind === 'delivered' ? delivery : { accepted: [], refused: [], answer: '' };
  if (delivery.kind === 'undelivered') console.error(delivery.failure);
  else console.say(`sent to ${accepted.join(', ')}; the answer: ${escapeText(answer)}`, 'good');
  for (const { address, why } of refused) console.say(`refused for ${address}: ${escapeText(why)}`, 'bad');
  const isWhole = delivery.kind === 'delivered' && refused.length === 0;
  if (wantsJson(command)) {
    const error =
      delivery.kind === 'undelivered'
        ? { message: escapeText(delivery.failure.message), hint: delivery.failure.hint }
        : null;
    console.document(JSON.stringify({ version: 1, sent: isWhole, accepted, refused, answer, error }, null, 2));
  }
  return isWhole ? 0 : exitCodes.failed;
}
