/** What strace(1) tells of a night's changes to the replica, and whether each step was on the disk before the next began. */
import { dirname } from 'node:path';

/** One successful call: its name, and the paths that it was given, those of descriptors too (`strace -y`). */
export interface TracedCall {
  readonly call: string;
  readonly paths: readonly string[];
}

/** The calls in a log of `strace -f -y` that made, moved or removed names, or made something durable, in the order in which they ended. */
export function tracedCalls(log: string): TracedCall[] {
  const form = /^(link|linkat|mkdir|rename|renameat2?|unlink|unlinkat|fsync|syncfs|sync)\((.*)\) += 0$/;
  const begun = new Map<string, string>();
  return log.split('\n').flatMap((line) => {
    const [, pid = '', text = ''] = /^(\d*) *(.*)$/.exec(line) ?? [];
    const [, beginning] = /^(.*) <unfinished \.\.\.>$/.exec(text) ?? [];
    if (beginning !== undefined) begun.set(pid, beginning);
    const whole = text.replace(/^<\.\.\. \w+ resumed>/, begun.get(pid) ?? '');
    const [, call = '', args = ''] = form.exec(whole) ?? [];
    return call === '' ? [] : [{ call, paths: [...args.matchAll(/"([^"]*)"|\d<([^>]*)>/g)].map(([, path, opened]) => path ?? opened ?? '') }];
  });
}

/** What was found: changes that came before what they rest on was durable, and how many there were of each kind. */
export interface Found {
  readonly unsynced: readonly string[];
  readonly links: number;
  readonly moves: number;
}

/**
 * Keys, packs, indexes and snapshots enter, and snapshots, indexes, packs and keys leave, kind by kind: a candidate is durable
 * before it is linked in, the folders of one kind are before the next kind begins, and before its candidates go.
 */
export function isSynced(calls: readonly TracedCall[], replica: string): Found {
  const unsynced: string[] = [];
  let [links, moves, step] = [0, 0, ''];
  const [files, folders] = [new Set<string>(), new Set<string>()];
  const kindOf = (path: string): string | undefined => (path.startsWith(`${replica}/`) ? /^(keys|data|index|snapshots)\//.exec(path.slice(replica.length + 1))?.[1] : undefined);
  for (const { call, paths: [from = '', to = ''] } of calls) {
    if (call.startsWith('sync')) for (const set of [files, folders]) set.clear();
    if (call === 'fsync') for (const set of [files, folders]) set.delete(from);
    if (call.startsWith('rename') && to.includes('/.rsync-ratchet/candidate/')) files.add(to);
    if (call === 'mkdir' && kindOf(`${from}/`) !== undefined) folders.add(dirname(from));
    const entered = call.startsWith('link') ? kindOf(to) : undefined;
    const left = call.startsWith('rename') ? kindOf(from) : undefined;
    if (call.startsWith('unlink') && from.includes('/.rsync-ratchet/candidate/') && folders.size > 0) unsynced.push(`${call} ${from}`);
    const now = entered === undefined ? left && `out ${left}` : `in ${entered}`;
    if (now === undefined) continue;
    if (now !== step && folders.size > 0) unsynced.push(`${call} ${from} ${to}`);
    if (files.has(from)) unsynced.push(`${call} ${from}, whose content is not durable`);
    if (entered === undefined) moves++;
    else links++;
    folders.add(dirname(entered === undefined ? from : to));
    step = now;
  }
  return { unsynced, links, moves };
}
