/** The file of figures for Prometheus, as the configuration has it; metrics.ts writes it. */
import { dirname } from 'node:path';
import { path } from '../../config/values.ts';
import { bad, good } from '../../doctor/checkup.ts';
import { isWritable } from '../../state/files.ts';
import type { NewsChannel } from '../channel.ts';

/** `monitoring.metricsFile`. */
export const metrics: NewsChannel<string> = {
  brings: 'news',
  name: 'metrics',
  key: ['monitoring', 'metricsFile'],
  description: "Figures for Prometheus's node exporter are written here.",
  schema: (resolve) => path(resolve),
  secrets: () => [],
  look: (file) => {
    const folder = dirname(file);
    if (isWritable(folder)) return good(file);
    return bad(`${folder} is not there, or not writable`, `install -d -o "$(id -un)" ${folder}`);
  },
  send: async (file, news, { config, console }) => {
    if (news.kind !== 'changed') return;
    const { refreshMetrics } = await import('../metrics.ts');
    await refreshMetrics(file, config, console, news.now, news.ended);
  },
};
