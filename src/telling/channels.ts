/** All ways to tell: a new one is a file in `channels/` and its name here. Configuration and doctor read this list. */
import type { Channel } from './channel.ts';
import { mail } from './channels/mail.ts';
import { metrics } from './channels/metrics.ts';
import { ping } from './channels/ping.ts';

export const channels: readonly Channel[] = [mail, ping, metrics];
