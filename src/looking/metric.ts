/** Families of metrics, as the columns of `status` have them: a name, what it means, and samples. */
import type { JournalLine } from '../state/chain.ts';
import type { Status } from './standing.ts';

/** One sample of a family: labels besides `repository`, and the value. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** All are gauges: they say how it is, and may go back. Times are seconds since 1970, 0 for never. */
export interface Family {
  /** Without the prefix of all of ours. */
  readonly name: string;
  readonly help: string;
  /** Whether the last run alone tells, also where the books cannot be read. */
  readonly isOfRun: boolean;
  /** None where nothing is known. */
  readonly samples: (status: Status) => readonly Sample[];
}

/** A family with one sample, none where nothing is known. */
export function gauge(
  name: string,
  help: string,
  value: (status: Status) => number | undefined,
  isOfRun = false,
): Family {
  const samples = (status: Status): readonly Sample[] => {
    const found = value(status);
    return found === undefined || !Number.isFinite(found) ? [] : [[{}, found]];
  };
  return { name, help, samples, isOfRun };
}

/** A family of which the last run alone tells. */
export function ofRun(
  name: string,
  help: string,
  value: (lastRun: JournalLine | undefined) => number | undefined,
): Family {
  return gauge(name, help, ({ lastRun }) => value(lastRun), true);
}

/** 1 for yes. */
export function flag(is: boolean): number {
  return is ? 1 : 0;
}

/** A time as metrics have it. */
export function seconds(iso: string | undefined): number {
  return iso === undefined ? 0 : Date.parse(iso) / 1000;
}

/** A number in a line of the journal; undefined where there is none. */
export function at(line: JournalLine | undefined, ...path: readonly string[]): number | undefined {
  const value = path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    line,
  );
  return typeof value === 'number' ? value : undefined;
}
