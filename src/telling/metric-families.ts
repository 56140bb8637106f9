/**
 * Prometheus's text format (node exporter's textfile collector): how each repository stands, whatever happened to it.
 * The columns of `status` have the names; each sample has the label `repository`.
 */
import { inOrderOf } from '../looking/columns.ts';
import type { Family, Sample } from '../looking/metric.ts';
import type { Status } from '../looking/standing.ts';
import type { JournalLine } from '../state/chain.ts';

/** A repository whose books cannot be read: only how its run ended is known. */
export interface OnlyEnd {
  readonly repository: string;
  readonly end: JournalLine;
}

/** All families, in the order of the file. */
export const families: readonly Family[] = inOrderOf('metrics').flatMap(({ metrics }) => metrics ?? []);

const prefix = 'rsync_ratchet_';

/** The whole file. */
export function metricsText(all: readonly (Status | OnlyEnd)[], version: string, now: Date): string {
  const info = familyText('build_info', 'The version of rsync-ratchet that wrote this.', [
    sampleLine('build_info', { version }, 1),
  ]);
  const written = familyText('written_timestamp_seconds', 'When this file was written.', [
    sampleLine('written_timestamp_seconds', {}, now.getTime() / 1000),
  ]);
  const rest = families.map((family) =>
    familyText(
      family.name,
      family.help,
      all.flatMap((each) =>
        samplesOf(family, each).map(([labels, value]) =>
          sampleLine(family.name, { repository: each.repository, ...labels }, value),
        ),
      ),
    ),
  );
  return [info, written, ...rest].join('');
}

function samplesOf({ isOfRun, samples }: Family, each: Status | OnlyEnd): readonly Sample[] {
  if (!('end' in each)) return samples(each);
  return isOfRun ? samples({ lastRun: each.end } as Status) : [];
}

function familyText(name: string, help: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} gauge\n${lines.join('')}`;
}

function sampleLine(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${prefix}${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
