/** The columns that tell whether anybody would hear of an alarm. */
import { counted, formatCount } from '../../figures.ts';
import { Spool } from '../../telling/spool.ts';
import { minute, row, unlessClosed, type Column } from '../column.ts';
import { gauge } from '../metric.ts';

/** Alerts that wait to be delivered. */
export const spool: Column<'spool'> = {
  name: 'spool',
  read: ({ config, repository }) => ({
    spool: unlessClosed(() => new Spool(config.state ?? '').waiting(repository.name)),
  }),
  rows: ({ spool: waiting }) => {
    if (waiting === undefined || waiting.alerts === 0) return [];
    const { alerts, since, why } = waiting;
    const oldest = since === null ? '' : `, the oldest since ${minute(since)} UTC`;
    return [
      row('UNDELIVERED', `${counted(alerts, 'alert')} ${alerts === 1 ? 'waits' : 'wait'} in the spool${oldest}`, 'bad'),
      row(
        '',
        why === null ? 'see why: rsync-ratchet alert flush' : `${why} (rsync-ratchet alert flush tries again)`,
        'bad',
      ),
    ];
  },
  json: (status) => ({ spool: status.spool ?? null }),
  metrics: [
    gauge('spooled_alerts', 'Alerts that were not delivered and wait in the spool.', (status) => status.spool?.alerts),
  ],
  complaints: ({ spool: waiting }) =>
    waiting === undefined || waiting.alerts === 0
      ? []
      : [[1, `${formatCount(waiting.alerts)} undelivered in the spool`]],
  data: (status) => [['spooled', status.spool?.alerts, ';0;;0']],
};

/** What is not configured, and what that means. */
export const tells: Column<'tells'> = {
  name: 'tells',
  read: ({ config: { alerts, monitoring } }) => ({
    tells: {
      alerts: alerts.email !== undefined || alerts.command !== undefined,
      ping: monitoring.ping !== undefined,
      metrics: monitoring.metricsFile !== undefined,
    },
  }),
  rows: ({ tells: { alerts, ping, metrics } }) => [
    ...(alerts ? [] : [row('alerts', 'none configured (alerts.email, alerts.command): nobody told', 'warning')]),
    ...(ping || metrics ? [] : [row('monitoring', 'no ping, no metrics: who notices when nothing runs?')]),
  ],
};
