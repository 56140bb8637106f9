/** One line for Nagios, Icinga and their kin (Monitoring Plugins Development Guidelines): verdict, words, performance data. */
import { escapeText } from '../printable.ts';
import type { Patience } from './column.ts';
import { inOrderOf } from './columns.ts';
import { ageOf, ageWords, type Status } from './standing.ts';

/** 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
type PluginCode = 0 | 1 | 2 | 3;

/** What the plugin prints and how it exits. */
interface PluginResult {
  readonly line: string;
  readonly code: PluginCode;
}

const names = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

/** How the repositories stand. `maxAge`: milliseconds after which the last success is too long ago. */
export function pluginResult(all: readonly Status[], maxAge: number, now: Date): PluginResult {
  const judged = all.map((status) => ({ status, ...judge(status, { maxAge, now }) }));
  const worst = judged.reduce<PluginCode>((code, each) => (severity(each.code) > severity(code) ? each.code : code), 0);
  const words = [...judged]
    .sort((a, b) => severity(b.code) - severity(a.code))
    .map(({ status, said }) => `${status.repository}: ${said.join(', ')}`);
  const data = all.flatMap((status) => performanceData(status, { maxAge, now }));
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

function judge(status: Status, patience: Patience): { code: PluginCode; said: string[] } {
  const found = inOrderOf('complaints').flatMap(({ complaints }) => complaints?.(status, patience) ?? []);
  const code = found.reduce<PluginCode>((worst, each) => (severity(each[0]) > severity(worst) ? each[0] : worst), 0);
  const age = ageOf(status, patience.now);
  const success = age === undefined ? [] : [`last success ${ageWords(age)} ago`];
  const said = found.length > 0 ? found.map(([, words]) => words) : [...success, String(status.lastRun?.['outcome'])];
  return { code, said };
}

function performanceData(status: Status, patience: Patience): string[] {
  const data = inOrderOf('data').flatMap((column) => column.data?.(status, patience) ?? []);
  return data.flatMap(([name, value, rest = '']) =>
    value === undefined ? [] : [`'${status.repository}_${name}'=${value}${rest}`],
  );
}
