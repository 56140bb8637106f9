/** All ways to tell: a new one is a file in `channels/` and its name here. Configuration, doctor, outbox and runs read this list. */
import type { Config } from '../config/config.ts';
import { settingsOf, type AlertChannel, type Channel, type News, type Teller } from './channel.ts';
import { command } from './channels/command.ts';
import { mail } from './channels/mail.ts';
import { metrics } from './channels/metrics.ts';
import { ping } from './channels/ping.ts';

export const channels: readonly Channel[] = [mail, command, ping, metrics];

/** A way for alerts, with its settings. */
export interface Route<Settings = unknown> {
  readonly channel: AlertChannel<Settings>;
  readonly settings: Settings;
}

/** The ways for alerts that are configured; without any nobody is told. */
export function routesOf(config: Config): Route[] {
  return channels.flatMap((channel) => {
    const settings = settingsOf(config, channel);
    return channel.brings === 'alerts' && settings !== undefined ? [{ channel, settings }] : [];
  });
}

/** Brings news to all who are to hear them. Never throws. */
export async function spread(teller: Teller, news: News): Promise<void> {
  for (const channel of channels) {
    const settings = settingsOf(teller.config, channel);
    if (channel.brings === 'news' && settings !== undefined) await channel.send(settings, news, teller);
  }
}
