/** A way to tell people or programs: what the configuration, its secrets and doctor know of it stands in one file of `channels/`. */
import type { GenericSchema } from 'valibot';
import type { Config } from '../config/config.ts';
import type { Finding, KeyPath } from '../config/types.ts';
import type { Resolve } from '../config/values.ts';
import type { Verdict } from '../doctor/checkup.ts';

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
export interface Channel<Settings = unknown> {
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
  /** What doctor says when it is not configured; nothing without. */
  readonly absent?: Verdict;
  /** What doctor sees, once its secrets are closed to others. */
  look(settings: Settings): Verdict | Promise<Verdict>;
}

/** Its settings, such as its schema made them; undefined where it is not configured. */
export function settingsOf(config: Config, { key: [section, name] }: Channel): unknown {
  return (config[section] as Readonly<Record<string, unknown>>)[name];
}
