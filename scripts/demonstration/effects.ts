/** What can come of a step of the demo's story, in the words that tell it and as something to look at. */
import type { Ended, Stage, Tree, World } from './stage.ts';
import { readMail } from './words.ts';

/** What a step is judged by: the world before and after its command, and how that ended. */
export interface Seen {
  readonly stage: Stage;
  readonly before: World;
  readonly after: World;
  readonly ended: Ended;
}

/** Something that must be true after a step, in the words that tell it. */
export interface Effect {
  readonly told: string;
  holds(seen: Seen): boolean;
}

/** Nothing was written, and nothing was removed. */
export const unchanged: Effect = {
  told: 'the replica is byte for byte as before',
  holds: ({ before, after }) => isSame(before.replica, after.replica),
};

/** What a good night ends with. */
export const inStep: Effect = {
  told: 'the replica has all that serverA has, byte for byte',
  holds: ({ after }) => after.replica.size > 0 && isSame(after.source, after.replica),
};

/** The ratchet itself. */
export const onlyGrew: Effect = {
  told: 'the replica has grown, and every file that was in it is as before',
  holds: ({ before, after }) => after.replica.size > before.replica.size && isWithin(before.replica, after.replica),
};

/** Nobody has to do anything. */
export const noMail: Effect = {
  told: 'no mail was sent',
  holds: ({ before, after }) => after.mails.length === before.mails.length,
};

/** cron has nothing to mail. */
export const silent: Effect = { told: 'nothing was printed', holds: ({ ended }) => ended.printed === '' };

/** The one mail of an alarm with a single finding. */
export function alarmMailed(rule: string): Effect {
  const isAlarm = (subject: string): boolean =>
    subject.startsWith('[ALARM] demo on ') && subject.endsWith(`: 1 ${rule}`);
  return {
    told: 'one mail was sent, and its subject is the alarm',
    holds: ({ before, after }) => {
      const mails = after.mails.filter((mail) => !before.mails.includes(mail));
      return mails.length === 1 && mails.every((mail) => isAlarm(readMail(mail).subject));
    },
  };
}

/** How many snapshots serverA has. */
export function snapshots(count: number): Effect {
  return {
    told: count === 1 ? 'serverA has one snapshot' : `serverA has ${count} snapshots`,
    holds: ({ after }) => idsIn(after.source, 'snapshots').length === count,
  };
}

/** Whether two repositories have the same files with the same content. */
export function isSame(one: Tree, other: Tree): boolean {
  return one.size === other.size && isWithin(one, other);
}

function isWithin(inner: Tree, outer: Tree): boolean {
  return [...inner].every(([path, hash]) => outer.get(path) === hash);
}

/** The names of the files in one folder of a repository. */
export function idsIn(tree: Tree, folder: string): string[] {
  return [...tree.keys()].filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
}
