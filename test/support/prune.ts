/** Prunes of serverA, and the windows that let them through. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, type Judged, type Night } from './night.ts';
import { openRepository } from './restic.ts';

export const day = 24 * 3600 * 1000;

/** What `restic forget --prune` of the older snapshot did to serverA. */
export interface Pruned {
  /** The snapshot that is gone, and the one that is left. */
  readonly older: string;
  readonly newer: string;
  /** Files that are gone from serverA, as paths, and files that are new there. */
  readonly gone: readonly string[];
  readonly added: readonly string[];
}

/** Forgets the older snapshot on serverA and prunes: 9 files go, 2 come. */
export async function prune(night: Night): Promise<Pruned> {
  const { repository } = night;
  const [older, newer] = (await repository.snapshots()).map(({ id }) => id);
  if (older === undefined || newer === undefined) assert.fail('two snapshots');
  const before = repositoryFiles(repository.path);
  await repository.forget([older], { prune: true });
  const after = repositoryFiles(repository.path);
  const [gone, added] = [before.filter((path) => !after.includes(path)), after.filter((path) => !before.includes(path))];
  assert.deepEqual([gone.length, added.length], [9, 2]);
  return { older, newer, gone, added };
}

/** The files of a repository that have hashes for names, as paths. */
export function repositoryFiles(repository: string): string[] {
  return filesBelow(repository).filter((path) => /^(data|index|keys|snapshots)\/(..\/)?[0-9a-f]{64}$/.test(path));
}

/** `prune-window open nightly ARGS`. */
export async function openWindow(night: Night, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await night.run(['prune-window', 'open', 'nightly', ...args]);
  assert.deepEqual([code, stderr], [0, '']);
}

/** The tombstones, as `tombstones list --json` shows them. */
export async function tombstones(night: Night): Promise<{ path: string; size: number; run: string; at: string; state: string; due: string | null }[]> {
  const listed = await night.run(['--json', 'tombstones', 'list', 'nightly']);
  assert.equal(listed.code, 0);
  return listed.json().tombstones;
}

/** The lines of the journal, oldest first. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
export function journal(night: Night): any[] {
  return readFileSync(join(night.config.state, 'nightly/journal.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
}

/** The changes of `deletionGrace` for the configuration. */
export const grace = (deletionGrace: string | number): { changes: { repositories: { nightly: { deletionGrace: string | number } } } } =>
  ({ changes: { repositories: { nightly: { deletionGrace } } } });

/** Each file of the replica as it was in `before` (see `replicaNow`); there may be more now. */
export function assertNothingLost(night: Night, before: readonly string[]): void {
  const isFile = (line: string): boolean => line.includes(' file ');
  const now = new Set(night.replicaNow());
  assert.deepEqual(before.filter((line) => isFile(line) && !now.has(line)), []);
}

/** The replica holds what serverA holds, and restic finds it whole. */
export async function assertInStep(night: Night): Promise<void> {
  assert.deepEqual(repositoryFiles(night.replica), repositoryFiles(night.repository.path));
  await openRepository(night.replica).check(true);
}

/** restic restores a snapshot from the replica. */
export async function assertRestorable(night: Night, snapshot: string): Promise<void> {
  const target = join(night.folder, `restored-${snapshot.slice(0, 8)}-${readdirSync(night.folder).length}`);
  await openRepository(night.replica).restore(snapshot, target);
  assert.ok(filesBelow(target).length > 0);
}

/** The end of a night: exit code, outcome, tombstones added, dropped, expired and pending. */
export function ending({ code, run }: Judged): readonly [code: number | null, outcome: string, added: number, dropped: number, expired: number, pending: number] {
  const { added, dropped, expired, pending } = run.tombstones;
  return [code, run.outcome, added, dropped, expired, pending];
}

/** The rules of a night's violations and warnings. */
export function rulesOf({ run }: Judged): string[] {
  return run.findings.filter(({ severity }: { severity: string }) => severity !== 'note').map(({ rule }: { rule: string }) => rule);
}
