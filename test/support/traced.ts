/** What strace(1) tells of a night's changes to the replica, and whether each step was on the disk before the next began. */

/** One successful call: its name, and the paths that it was given. */
export interface TracedCall {
  readonly call: string;
  readonly paths: readonly string[];
}

/** The calls in a log of `strace -f` that made, moved or removed names, or made all durable, in order. */
export function tracedCalls(log: string): TracedCall[] {
  const form = /^(?:\d+ +)?(link|linkat|rename|renameat2?|unlink|unlinkat|syncfs|sync)\((.*)\) += 0$/;
  return log.split('\n').flatMap((line) => {
    const [, call = '', args = ''] = form.exec(line) ?? [];
    return call === '' ? [] : [{ call, paths: [...args.matchAll(/"([^"]*)"/g)].map(([, path = '']) => path) }];
  });
}

/** What was found: changes that came before what they rest on was durable, and how many there were of each kind. */
export interface Found {
  readonly unsynced: readonly string[];
  readonly links: number;
  readonly moves: number;
}

/**
 * Keys, packs, indexes and snapshots enter, and snapshots, indexes, packs and keys leave, kind by kind: between two kinds
 * there must be a sync, and one between the last link of a kind and the first unlink of its candidates.
 */
export function isSynced(calls: readonly TracedCall[], replica: string): Found {
  const unsynced: string[] = [];
  let [links, moves, step, isDirty] = [0, 0, '', true];
  const kindOf = (path: string): string | undefined => (path.startsWith(`${replica}/`) ? /^(keys|data|index|snapshots)\//.exec(path.slice(replica.length + 1))?.[1] : undefined);
  for (const { call, paths: [from = '', to = ''] } of calls) {
    if (call.startsWith('sync')) isDirty = false;
    const entered = call.startsWith('link') ? kindOf(to) : undefined;
    const left = call.startsWith('rename') ? kindOf(from) : undefined;
    if (call.startsWith('unlink') && from.includes('/.rsync-ratchet/candidate/') && isDirty) unsynced.push(`${call} ${from}`);
    const now = entered === undefined ? left && `out ${left}` : `in ${entered}`;
    if (now === undefined) continue;
    if (now !== step && isDirty) unsynced.push(`${call} ${from} ${to}`);
    if (entered === undefined) moves++;
    else links++;
    [step, isDirty] = [now, true];
  }
  return { unsynced, links, moves };
}
