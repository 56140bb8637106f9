/** `alert test | flush`: does an alert get through, and what waits in the spool. */
import { formatCount } from '../figures.ts';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { testMail } from '../telling/mail.ts';
import { escapeText } from '../printable.ts';
import { exitCodes, UsageError } from '../errors.ts';
import type { Console } from '../telling/console.ts';
import type { Alert, Delivery } from '../telling/channel.ts';
import { routesOf, spread, type Route } from '../telling/channels.ts';
import { alertPatience, Outbox, type Flushed } from '../telling/outbox.ts';
import { configOf, consoleOf, wantsJson, withExitCodes, type CliContext } from './context.ts';

export function addAlert(program: Command, context: CliContext): void {
  const group = program.command('alert').description('what tells people: mails, and a program of yours');
  const test = group
    .command('test')
    .description('send a test alert by every way that is configured, and say what was answered')
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
  const routes = routesOf(config);
  if (routes.length === 0) return { sent: 0, spooled: 0 };
  const flushed = await new Outbox(routes, config.state ?? '', (failure) => {
    console.error(failure);
  }).flush(() => new Date());
  if (flushed.sent > 0)
    console.mention(
      `${formatCount(flushed.sent)} ${flushed.sent === 1 ? 'alert' : 'alerts'} that had waited in the spool: sent`,
      'good',
    );
  return flushed;
}

/** The ways by which alerts go. Throws UsageError when there are none. */
function mustTell(config: Config): Route[] {
  const routes = routesOf(config);
  if (routes.length > 0) return routes;
  throw new UsageError(
    'no way for alerts is configured',
    'say in alerts.email from whom, to whom and how, or in alerts.command which program; see rsync-ratchet config generate',
  );
}

async function flushNow(command: Command): Promise<number> {
  const config = configOf(command, []);
  const console = consoleOf(command);
  mustTell(config);
  const flushed = await retrySpool(config, console);
  await spread({ config, console }, { kind: 'changed', now: new Date() });
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
  const routes = mustTell(config);
  await retrySpool(config, console);
  const now = new Date();
  const mail = testMail(now, randomBytes(2).toString('hex'), hostname());
  const alert: Alert = { repository: null, runId: null, at: now.toISOString(), mail };
  const deliveries: Delivery[] = [];
  for (const { channel, settings } of routes) {
    const delivery = await channel.send(settings, alert, channel.recipients(settings), alertPatience);
    print(console, delivery);
    deliveries.push(delivery);
  }
  const isWhole = deliveries.every(({ kind, refused }) => kind === 'delivered' && refused.length === 0);
  if (wantsJson(command)) console.document(testToJson(deliveries, isWhole));
  return isWhole ? 0 : exitCodes.failed;
}

function print(console: Console, delivery: Delivery): void {
  if (delivery.kind === 'undelivered') console.error(delivery.failure);
  else console.say(`sent to ${delivery.accepted.join(', ')}; the answer: ${escapeText(delivery.answer)}`, 'good');
  for (const { address, why } of delivery.refused) console.say(`refused for ${address}: ${escapeText(why)}`, 'bad');
}

function testToJson(deliveries: readonly Delivery[], sent: boolean): string {
  const accepted = deliveries.flatMap((each) => (each.kind === 'delivered' ? each.accepted : []));
  const refused = deliveries.flatMap((each) => each.refused);
  const answer = deliveries.flatMap((each) => (each.kind === 'delivered' ? [each.answer] : [])).join('; ');
  const failure = deliveries.flatMap((each) => (each.kind === 'undelivered' ? [each.failure] : []))[0];
  const error = failure === undefined ? null : { message: escapeText(failure.message), hint: failure.hint };
  return JSON.stringify({ version: 1, sent, accepted, refused, answer, error }, null, 2);
}
