/** Journals as a repository has them after years: good nights, bad ones, alarms, windows, deletions. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalEvent, JournalLine } from '../../src/state/chain.ts';
import { chainStart, nextLine, parseJournalLine } from '../../src/state/chain.ts';
import { noWindows } from '../../src/ratchet/declared/window.ts';

const day = 24 * 3600 * 1000;

/** A reproducible stand-in for chance: the same numbers for the same seed, in [0, 1). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** All lines of so many nights, the last of which ended at `end`. Every fortieth goes wrong in some way; now and then one is missing. */
export function journalOf(nights: number, end: Date, seed = 1): JournalLine[] {
  return storyOf(nights, end, seed).texts.flatMap((text) => parseJournalLine(text) ?? []);
}

/** The same as files below `state`, one for each year but the last, and `more` at the end: a whole chain. No window is open. */
export function writeJournal(state: string, nights: number, end: Date, more: readonly JournalEvent[] = []): void {
  const story = storyOf(nights, end, 1);
  for (const event of more) story.write(end, event);
  const yearOf = (text: string): string => parseJournalLine(text)?.time.slice(0, 4) ?? '';
  const years = [...new Set(story.texts.map(yearOf))];
  const folder = join(state, 'nightly');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'prune-window.json'), JSON.stringify(noWindows), { mode: 0o600 });
  for (const year of years) {
    const texts = story.texts.filter((text) => yearOf(text) === year);
    writeFileSync(join(folder, year === years.at(-1) ? 'journal.jsonl' : `journal-${year}.jsonl`), `${texts.join('\n')}\n`);
  }
}

function storyOf(nights: number, end: Date, seed: number): Story {
  const story = new Story(dice(seed));
  for (let night = nights - 1; night >= 0; night--) story.night(new Date(end.getTime() - night * day), nights - night);
  return story;
}

class Story {
  /** One line each, without its newline. */
  readonly texts: string[] = [];
  #last: JournalLine | undefined;
  #hash = chainStart;
  readonly #roll: () => number;
  #files = 4000;
  #bytes = 60e9;
  #snapshots = 30;
  #tombstones = 0;

  constructor(roll: () => number) {
    this.#roll = roll;
  }

  night(at: Date, number: number): void {
    const roll = this.#roll();
    if (number === 1) this.write(at, { event: 'initialised', did: 'a new replica' });
    else if (roll < 0.004) return;
    if (number % 180 === 90) this.#prune(at);
    const isAlarm = number % 400 === 399;
    const outcome = isAlarm ? 'alarm' : roll < 0.012 ? 'failed' : roll < 0.03 ? 'warned' : roll < 0.12 ? 'unchanged' : 'synced';
    this.#end(at, number, outcome);
    if (isAlarm) this.#alarm(at);
  }

  #end(at: Date, number: number, outcome: string): void {
    const exitCode = { alarm: 3, failed: 1, warned: 4 }[outcome] ?? 0;
    const bytes = outcome === 'synced' || outcome === 'warned' ? Math.round(10 ** (7.5 + 2.2 * this.#roll())) : 0;
    const files = Math.ceil(bytes / 16e6);
    this.#files += files;
    this.#bytes += bytes;
    this.#snapshots += bytes > 0 ? 3 : 0;
    const amount = { files, bytes };
    const seconds = { audit: 2 + this.#files / 9000 + this.#roll(), fetch: bytes / 60e6, prove: 3 + this.#snapshots / 500, admit: files / 4000, expire: 0, check: number % 7 === 0 ? 90 + this.#bytes / 3e10 : 0 };
    if (files > 0) this.write(at, { event: 'admitted', runId: runIdOf(at), ...amount, snapshots: 3 });
    this.write(at, {
      event: 'finished', runId: runIdOf(at), outcome, exitCode,
      audit: { unchanged: this.#files, new: files, newBytes: bytes, modified: 0, deleted: 0, known: this.#tombstones, ignored: 262, foreign: 0, suspects: 0 },
      fetched: amount, admitted: amount, quarantined: { files: 0, bytes: 0 },
      tombstones: { added: 0, unconfirmed: 0, dropped: 0, expired: 0, pending: this.#tombstones },
      replica: outcome === 'failed' ? null : { files: this.#files, bytes: this.#bytes, types: { snapshot: { files: this.#snapshots, bytes: this.#snapshots * 300 } }, newestSnapshot: at.toISOString() },
      quiet: null, seconds, warnings: '',
      rules: outcome === 'alarm' ? [{ rule: 'modified', count: 3 }] : outcome === 'warned' ? [{ rule: 'not-delivered', count: 1 }] : [],
      ...(outcome === 'failed' ? { failure: 'rsync ended with exit code 255: ssh: connect to host serverA port 22: No route to host' } : {}),
    });
  }

  #alarm(at: Date): void {
    this.write(at, { event: 'alarm-raised', runId: runIdOf(at), rules: ['modified'] });
    const later = new Date(at.getTime() + 8 * 3_600_000);
    this.write(later, { event: 'acknowledged', who: 'alice', reason: 'bad disk on serverA, replaced', alarm: runIdOf(at), since: at.toISOString(), rules: ['modified'], acceptMtimes: false });
  }

  #prune(at: Date): void {
    const added = Math.floor(this.#files / 5);
    this.write(new Date(at.getTime() - 3_600_000), { event: 'window-opened', who: 'bob', until: new Date(at.getTime() + 7_200_000).toISOString(), maxDeletions: added * 2, allowKeys: false, reason: 'half-yearly prune' });
    if (this.#tombstones > 0) this.write(at, { event: 'expired', runId: runIdOf(at), files: this.#tombstones, bytes: this.#tombstones * 16e6 });
    this.#files -= this.#tombstones;
    this.#bytes -= this.#bytes * this.#tombstones / (this.#files + this.#tombstones);
    this.write(at, { event: 'tombstones', runId: runIdOf(at), added, dropped: 0, window: 'command' });
    this.#tombstones = added;
  }

  write(time: Date, event: JournalEvent): void {
    const text = nextLine(this.#last, this.#hash, 'nightly', time, event);
    this.texts.push(text);
    this.#last = parseJournalLine(text);
    this.#hash = createHash('sha256').update(text).digest('hex');
  }
}

function runIdOf(at: Date): string {
  return `${at.toISOString().replace(/[-:]|\.\d+/g, '')}-3f9c`;
}
