/** A give-back in words and as JSON. */
import { counted, formatBytes } from '../figures.ts';
import type { Amount } from '../audit/books.ts';
import type { Difference, GivenBack, Plan } from '../rescue/give-back.ts';

/** So many names are shown of what is in the way, damaged, or only there. */
const shown = 20;

/** What would be done; the first line says where. `to`: as typed. */
export function planLines(repository: string, to: string, plan: Plan): string[] {
  const { missing, differing, onlyThere, alarm } = plan;
  const of = alarm === undefined ? 'everything' : `the files of the alarm of run ${alarm}`;
  return [
    `${repository}: give back ${of} to ${to} (compared by ${plan.comparedBy})`,
    `  missing there:     ${amount(missing)}`,
    `  differs there:     ${amount(differing)}${differing.files > 0 ? `; what is replaced is set aside in ${plan.aside}` : ''}`,
    `  only there:        ${counted(onlyThere.files, 'name')}, left alone`,
    ...names(onlyThere.names, onlyThere.files),
    ...wayLines(plan),
  ];
}

function wayLines({ inTheWay }: Difference): string[] {
  if (inTheWay.length === 0) return [];
  return [
    `  in the way there:  ${counted(inTheWay.length, 'name')}; move it away by hand (mv), what belongs there is not sent`,
    ...names(inTheWay, inTheWay.length),
  ];
}

/** What was done, and what is left. */
export function givenBackLines(
  repository: string,
  to: string,
  { plan, sent, damaged, undelivered, left }: GivenBack,
): string[] {
  const what = sent === undefined ? 'nothing was sent' : `${amount(sent)} sent to ${to}`;
  return [
    `${repository}: ${what}; ${leftWords(left)}`,
    ...(setsAside(sent, plan) ? [`  what was replaced lies in ${plan.aside}`] : []),
    ...damaged
      .slice(0, shown)
      .map(
        ({ path, fault }) =>
          `  not sent, damaged here: ${path} (${fault}); see rsync-ratchet scrub --repair ${repository}`,
      ),
    ...(damaged.length > shown ? [`  and ${counted(damaged.length - shown, 'more damaged file')}`] : []),
    ...(undelivered === undefined ? [] : [`  ${undelivered}`]),
    ...(sent === undefined && plan.missing.files + plan.differing.files > 0 ? [] : wayLines(left)),
    ...(left.otherTimes > 0
      ? [
          `  the same size there, but another time: ${counted(left.otherTimes, 'file')}; a night fetches and hashes such files`,
        ]
      : []),
  ];
}

/** Whether anything can have been set aside. */
export function setsAside(sent: Amount | undefined, { differing }: Pick<Plan, 'differing'>): boolean {
  return (sent?.files ?? 0) > 0 && differing.files > 0;
}

/** How many files are not at the destination as they are here. */
export function leftFiles({ missing, differing, inTheWay, doubts }: GivenBack['left']): number {
  return missing.files + differing.files + inTheWay.length + doubts;
}

function leftWords(left: GivenBack['left']): string {
  const parts = [
    [left.missing.files, 'missing'],
    [left.differing.files, 'different'],
    [left.inTheWay.length, 'in the way'],
    [left.doubts, 'contradicted by its own report'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  if (words.length > 0) return `left there: ${words.join(', ')}`;
  return `the destination has every file ${left.otherTimes > 0 ? 'by name and size' : 'as it is here'}`;
}

/** Names of the layout, or escaped ones. */
function names(all: readonly string[], count: number): string[] {
  const rest = count - Math.min(shown, all.length);
  return [
    ...all.slice(0, shown).map((name) => `    ${name}`),
    ...(all.length > 0 && rest > 0 ? [`    and ${rest} more`] : []),
  ];
}

function amount({ files, bytes }: Amount): string {
  return `${counted(files, 'file')} (${formatBytes(bytes)})`;
}

/** The same as one JSON document. */
export function givenBackJson(
  repository: string,
  to: string,
  exitCode: number,
  { plan, sent, damaged, undelivered, left }: GivenBack,
): string {
  const difference = ({ missing, differing, inTheWay, onlyThere }: Difference): object => ({
    missing,
    differing,
    inTheWay: inTheWay.slice(0, 1000),
    onlyThere: { files: onlyThere.files, names: onlyThere.names },
  });
  const document = {
    version: 1,
    repository,
    to,
    exitCode,
    runId: plan.runId,
    alarm: plan.alarm ?? null,
    comparedBy: plan.comparedBy,
    plan: difference(plan),
    sent: sent ?? null,
    aside: setsAside(sent, plan) ? plan.aside : null,
    damaged: damaged.slice(0, 1000),
    undelivered: undelivered ?? null,
    left: { ...difference(left), doubts: left.doubts, otherTimes: left.otherTimes },
  };
  return JSON.stringify(document, null, 2);
}
