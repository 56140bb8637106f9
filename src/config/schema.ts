/** Every key of a configuration: what it takes, its default, and what it is for, as editors and the manual page show it. */
import * as v from 'valibot';
import { channels } from '../telling/channels.ts';
import { freshness, path, type Resolve } from './values.ts';
import { key, namePattern, repository } from './repository-schema.ts';

/** The whole file, as valibot sees it: input is what the YAML says, output has all defaults, units read, paths resolved. */
export function configSchema(resolve: Resolve) {
  const alerts = v.strictObject({
    ...channelsOf('alerts', resolve),
    freshness: key(v.exactOptional(freshness), 'Warn when no new snapshot has come for this long, such as 48h.'),
  });
  const monitoring = v.strictObject(channelsOf('monitoring', resolve));
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

/** The keys of the ways to tell that stand in a section. */
function channelsOf(section: 'alerts' | 'monitoring', resolve: Resolve) {
  const here = channels.filter(({ key: [where] }) => where === section);
  return Object.fromEntries(
    here.map(({ key: [, name], description, schema }) => [name, key(v.exactOptional(schema(resolve)), description)]),
  );
}

export type ConfigSchema = ReturnType<typeof configSchema>;
