/** Every key of a configuration: what it takes, its default, and what it is for, as editors and the manual page show it. */
import * as v from 'valibot';
import { freshness, oneOf, path, type Resolve } from './values.ts';
import { key, namePattern, repository } from './repository-schema.ts';
import { email } from './alerts-schema.ts';

/** The whole file, as valibot sees it: input is what the YAML says, output has all defaults, units read, paths resolved. */
export function configSchema(resolve: Resolve) {
  const alerts = v.strictObject({
    email: key(v.exactOptional(email(resolve)), 'Mail: who gets it, and by exactly one of smtp, sendmail, directory.'),
    freshness: key(v.exactOptional(freshness), 'Warn when no new snapshot has come for this long, such as 48h.'),
  });
  const ping = v.strictObject({
    urlFile: path(resolve, undefined, { description: 'A file with the address of the monitor, closed to others.' }),
    findings: key(
      v.optional(v.boolean('must be true or false'), false),
      'Whether it is also told which rules were broken, and how often.',
    ),
    style: key(
      v.optional(oneOf('healthchecks', 'kuma'), 'healthchecks'),
      'How it is told: healthchecks (/start, the address itself, /fail), or kuma (?status=up or down, and msg).',
    ),
  });
  const monitoring = v.strictObject({
    ping: key(
      v.exactOptional(ping),
      'A monitor, such as healthchecks or Uptime Kuma, that is told of the start and the end of each run.',
    ),
    metricsFile: key(v.exactOptional(path(resolve)), "Figures for Prometheus's node exporter are written here."),
  });
  return v.strictObject({
    state: key(
      v.exactOptional(path(resolve)),
      'The folder of the journal, tombstones and unsent mail. By default /var/lib/rsync-ratchet; ~/.local/state/rsync-ratchet for a user other than root.',
    ),
    repositories: key(
      v.pipe(
        v.record(v.string(), repository(resolve)),
        v.metadata({ minProperties: 1, propertyNames: { pattern: namePattern } }),
      ),
      'What is pulled, by the name that commands, mails and the journal use.',
    ),
    alerts: key(v.optional(alerts, {}), 'Whom to tell. Without this nobody is.'),
    monitoring: key(v.optional(monitoring, {}), 'What other programs are told.'),
  });
}

export type ConfigSchema = ReturnType<typeof configSchema>;
