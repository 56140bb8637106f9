/** The monitor that is told of the start and the end of each run, as the configuration has it; ping.ts tells it. */
import * as v from 'valibot';
import type { Monitoring } from '../../config/config.ts';
import { key } from '../../config/repository-schema.ts';
import { addressIn } from '../../config/secret-line.ts';
import { oneOf, secretFile, type Resolve } from '../../config/values.ts';
import { bad, good } from '../../doctor/checkup.ts';
import type { NewsChannel } from '../channel.ts';

function schema(resolve: Resolve) {
  return v.strictObject({
    urlFile: secretFile(resolve, {
      description: 'A file with the address of the monitor, closed to others, or credential:NAME.',
    }),
    findings: key(
      v.optional(v.boolean('must be true or false'), false),
      'Whether it is also told which rules were broken, and how often.',
    ),
    style: key(
      v.optional(oneOf('healthchecks', 'kuma'), 'healthchecks'),
      'How it is told: healthchecks (/start, the address itself, /fail), or kuma (?status=up or down, and msg).',
    ),
  });
}

/** `monitoring.ping`. */
export const ping: NewsChannel<NonNullable<Monitoring['ping']>> = {
  brings: 'news',
  name: 'ping',
  key: ['monitoring', 'ping'],
  description: 'A monitor, such as healthchecks or Uptime Kuma, that is told of the start and the end of each run.',
  schema,
  secrets: ({ urlFile }) => [
    {
      path: ['urlFile'],
      file: urlFile,
      fault: (file) => {
        const address = addressIn(file);
        return address instanceof URL ? undefined : `${address}: must be the one address of the monitor`;
      },
    },
  ],
  look: ({ urlFile }) => {
    const address = addressIn(urlFile);
    if (address instanceof URL) return good(`${urlFile} has an address`);
    return bad(address, `put the one http(s) address of the monitor into ${urlFile}`);
  },
  send: async (settings, news, { console }) => {
    if (news.kind === 'changed') return;
    const { tellMonitor } = await import('../ping.ts');
    await tellMonitor(settings, news, (words) => { console.warn(words); }); // prettier-ignore
  },
};
