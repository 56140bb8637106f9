/** One line for Nagios, Icinga and their kin (Monitoring Plugins Development Guidelines): verdict, words, performance data. */
import { formatCount } from '../figures.ts';
import { ruleCounts } from '../words/history.ts';
import { escapeText } from '../printable.ts';
import { unreadWords } from '../proof/unread.ts';
import { ageOf, failedShare, replicaOf, type Status } from './standing.ts';

/** 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
export type PluginCode = 0 | 1 | 2 | 3;

/** What the plugin prints and how it exits. */
export interface PluginResult {
  readonly line: string;
  readonly code: PluginCode;
}

const names = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

/** How the repositories stand. `maxAge`: milliseconds after which the last success is too long ago. */
export function pluginResult(all: readonly Status[], maxAge: number, now: Date): PluginResult {
  const judged = all.map((status) => ({ status, ...judge(status, maxAge, now) }));
  const worst = judged.reduce<PluginCode>((code, each) => (severity(each.code) > severity(code) ? each.code : code), 0);
  const words = [...judged]
    .sort((a, b) => severity(b.code) - severity(a.code))
    .map(({ status, said }) => `${status.repository}: ${said.join(', ')}`);
  const data = all.flatMap((status) => performanceData(status, maxAge, now));
  return { line: lineOf(worst, words.join('; '), data.join(' ')), code: worst };
}

/** The plugin's own failure: nobody knows how the repositories stand. */
export function pluginFailure(message: string): PluginResult {
  return { line: lineOf(3, message, ''), code: 3 };
}

/** CRITICAL goes before UNKNOWN, that before WARNING. */
function severity(code: PluginCode): number {
  return [0, 1, 3, 2][code] ?? 0;
}

/** A bar would begin the performance data, a newline the long output. */
function lineOf(code: PluginCode, words: string, data: string): string {
  return `RATCHET ${names[code]} - ${escapeText(words, 2000).replaceAll('|', '/')}${data === '' ? '' : ` | ${data}`}`;
}

function judge(status: Status, maxAge: number, now: Date): { code: PluginCode; said: string[] } {
  const found = [...criticals(status, maxAge, now), ...warnings(status)];
  const code = found.reduce<PluginCode>((worst, each) => (severity(each[0]) > severity(worst) ? each[0] : worst), 0);
  const success = status.lastSuccess === undefined ? [] : [`last success ${age(ageOf(status, now) ?? 0)} ago`];
  const said = found.length > 0 ? found.map(([, words]) => words) : [...success, String(status.lastRun?.['outcome'])];
  return { code, said };
}

type Complaint = readonly [code: PluginCode, words: string];

function criticals(status: Status, maxAge: number, now: Date): Complaint[] {
  const { alarm, lastRun } = status;
  const last = ageOf(status, now);
  return [
    ...(alarm === undefined
      ? []
      : [[2, `ALARM (${alarm.rules.join(' ')}) since ${alarm.since.slice(0, 16)}Z`] as const]),
    ...(status.isInitialised === false ? [[2, 'the replica is not initialised or not mounted'] as const] : []),
    ...(last === undefined
      ? [
          lastRun === undefined && status.isInitialised === undefined
            ? ([3, 'no journal to be seen'] as const)
            : ([2, 'no sync has ever succeeded'] as const),
        ]
      : []),
    ...(last !== undefined && last > maxAge
      ? [[2, `last success ${age(last)} ago, allowed are ${age(maxAge)}`] as const]
      : []),
    ...(last !== undefined && last < -skew
      ? [[3, 'the last success is in the future: a clock is wrong'] as const]
      : []),
  ];
}

/** How far clocks may differ, in milliseconds. */
const skew = 5 * 60 * 1000;

function warnings(status: Status): Complaint[] {
  const { alarm, lastRun, scrub, spool, window } = status;
  const failed = failedShare(status);
  const damaged = scrub?.damages.length ?? 0;
  const code = lastRun?.['exitCode'];
  const rules = ruleCounts(lastRun?.['rules']);
  return [
    ...(code === 4 ? [[1, `done with warnings (${rules.join(' ')})`] as const] : []),
    ...(typeof code === 'number' && code !== 0 && code !== 4 && alarm === undefined
      ? [[1, `the last sync ended with exit code ${code}${failureOf(lastRun)}`] as const]
      : []),
    ...(spool !== undefined && spool.alerts > 0
      ? [[1, `${formatCount(spool.alerts)} undelivered in the spool`] as const]
      : []),
    ...(damaged > 0 ? [[1, `${formatCount(damaged)} damaged in the replica`] as const] : []),
    ...(failed === undefined ? [] : [[1, `the last restic check failed (share ${failed})`] as const]),
    ...unreadComplaint(status),
    ...(window.refused === undefined ? [] : [[1, `prune window refused: ${window.refused}`] as const]),
  ];
}

function unreadComplaint({ unread }: Status): Complaint[] {
  return unread === null ? [] : [[1, `unread: ${unreadWords(unread)} since ${unread.since.slice(0, 10)}`]];
}

function failureOf(line: Status['lastRun']): string {
  return typeof line?.['failure'] === 'string' ? `: ${escapeText(line['failure'], 200)}` : '';
}

/** `5h 12m`. */
function age(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  return days > 0 ? `${days}d ${hours}h` : hours > 0 ? `${hours}h ${minutes % 60}m` : `${minutes}m`;
}

/** `'label'=value[unit];[warn];[crit];[min]`, absent where nothing is known. */
function performanceData(status: Status, maxAge: number, now: Date): string[] {
  const last = ageOf(status, now);
  const replica = replicaOf(status);
  const datum = (name: string, value: number | undefined, rest = ''): string[] =>
    value === undefined ? [] : [`'${status.repository}_${name}'=${value}${rest}`];
  const exitCode = status.lastRun?.['exitCode'];
  return [
    ...datum(
      'age',
      last === undefined ? undefined : Math.max(0, Math.round(last / 1000)),
      `s;;${Math.round(maxAge / 1000)};0`,
    ),
    ...datum('exit', typeof exitCode === 'number' ? exitCode : undefined),
    ...datum('alarm', status.alarm === undefined ? 0 : 1, ';;0;0'),
    ...datum('files', replica?.files, ';;;0'),
    ...datum('bytes', replica?.bytes, 'B;;;0'),
    ...datum('tombstones', status.tombstones.pending, ';;;0'),
    ...datum('spooled', status.spool?.alerts, ';0;;0'),
    ...datum('free', status.disk?.free, `B;;;0;${status.disk?.total ?? ''}`),
  ];
}
