/** A way to tell people or programs: all that configuration, doctor, outbox and runs know of it stands in one file of `channels/`. */
import type { GenericSchema } from 'valibot';
import type { Config } from '../config/config.ts';
import type { Finding, KeyPath } from '../config/types.ts';
import type { Resolve } from '../config/values.ts';
import type { Verdict } from '../doctor/checkup.ts';
import type { Failure } from '../errors.ts';
import type { Run } from '../ratchet/run.ts';
import type { Console } from './console.ts';
import type { Mail } from './mail.ts';
import type { Ended } from './metrics.ts';

/** A file with a secret, which must be ours to read and nobody else's. */
export interface Secret {
  /** The way to its key, below the channel's own. */
  readonly path: KeyPath;
  /** Undefined where none is configured. */
  readonly file: string | undefined;
  /** What is wrong with what stands in it; never what does. */
  readonly fault: (file: string) => string | undefined;
}

/** `Settings`: what its schema makes of what is written. */
interface Described<Settings> {
  /** What doctor calls it. */
  readonly name: string;
  /** Where its settings stand: `monitoring.ping`. */
  readonly key: readonly [section: 'alerts' | 'monitoring', name: string];
  /** What it is for, as editors and the manual page show it. */
  readonly description: string;
  readonly schema: (resolve: Resolve) => GenericSchema<unknown, Settings>;
  /** What no single key of it can tell; `raw` is the whole configuration as it is written. */
  readonly rules?: (raw: unknown) => Finding[];
  secrets(settings: Settings): readonly Secret[];
  /** What doctor sees, once its secrets are closed to others. */
  look(settings: Settings): Verdict | Promise<Verdict>;
}

/** Alerts: each waits in the spool until all of its recipients have it. */
export interface AlertChannel<Settings = unknown> extends Described<Settings> {
  readonly brings: 'alerts';
  /** Who gets each alert, once. */
  recipients(settings: Settings): readonly string[];
  /** Brings an alert to `to`, some of the recipients, within `patience` milliseconds. What goes wrong is a value. */
  send(settings: Settings, alert: Alert, to: readonly string[], patience: number): Promise<Delivery>;
}

/** News that pass: what cannot be told is said as a warning, and told no more. */
export interface NewsChannel<Settings = unknown> extends Described<Settings> {
  readonly brings: 'news';
  /** Never throws. */
  send(settings: Settings, news: News, from: Teller): Promise<void>;
}

export type Channel<Settings = unknown> = AlertChannel<Settings> | NewsChannel<Settings>;

/** The words for people, and whose they are; those of `alert test` are nobody's. */
export interface Alert {
  readonly repository: string | null;
  readonly runId: string | null;
  /** When it was written: ISO 8601, UTC. */
  readonly at: string;
  readonly mail: Mail;
}

/** How bad it is, as PagerDuty and others after it call it: an alarm, a failure, warnings, all else. */
export const severities = ['critical', 'error', 'warning', 'info'] as const;

/** What an alert is about, for programs. */
export interface About {
  readonly severity: (typeof severities)[number];
  /** The run's, or `test`. */
  readonly outcome: string;
  readonly exitCode: number;
  readonly host: string;
  /** What was found: how often each rule. */
  readonly rules: readonly { readonly rule: string; readonly severity: string; readonly count: number }[];
}

/** What became of an alert. */
export type Delivery =
  /** At least one recipient has it; `refused`: addresses that the server did not take. */
  | {
      readonly kind: 'delivered';
      readonly accepted: readonly string[];
      readonly refused: readonly Refusal[];
      readonly answer: string;
    }
  /** Nobody has it. `isDown`: the next one would fare no better. */
  | {
      readonly kind: 'undelivered';
      readonly failure: Failure;
      readonly refused: readonly Refusal[];
      readonly isDown: boolean;
    };

/** An address that was not taken, with the words for it; `isFinal`: it will not be later either (RFC 5321, 4.2.1: 5yz, while greylisting says 4yz). */
export interface Refusal {
  readonly address: string;
  readonly why: string;
  readonly isFinal: boolean;
}

/** What becomes known besides alerts; `invocation` is a UUID that ties start and end of a command together. */
export type News =
  | { readonly kind: 'started'; readonly invocation: string }
  | { readonly kind: 'ended'; readonly invocation: string; readonly exitCode: number; readonly runs: readonly Run[] }
  /** The books are not what they were; `ended`: the run that has changed them, which they may not know. */
  | { readonly kind: 'changed'; readonly now: Date; readonly ended?: Ended };

/** Who tells. */
export interface Teller {
  readonly config: Config;
  readonly console: Pick<Console, 'warn'>;
}

/** Its settings, such as its schema made them; undefined where it is not configured. */
export function settingsOf(config: Config, { key: [section, name] }: Channel): unknown {
  return (config[section] as Readonly<Record<string, unknown>>)[name];
}
