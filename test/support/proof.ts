/** Nights in which restic is asked: the password at hand, and what a serverA without the password can still write. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Books } from '../../src/audit/books.ts';
import { UnreadFile } from '../../src/proof/unread-file.ts';
import type { Value } from './config.ts';
import { filesBelow, hashOf, type Judged, type Night, type NightOptions, type ServerA } from './night.ts';
import { openRepository } from './restic.ts';
import { type Ending, temporaryFolder } from './temporary.ts';

let file: string | undefined;

/** The password file of all repositories of the tests. */
export function passwordFile(): string {
  file ??= openRepository(join(temporaryFolder(), 'any')).passwordFile;
  return file;
}

/** A night with the password at hand, as if restic had read all that the replica has; `nightly` are keys of the repository. */
export async function provingNight(serverA: ServerA, t: Ending, nightly: Readonly<Record<string, Value>> = {}, options: NightOptions = {}): Promise<Night> {
  const { restic = {}, ...others } = nightly as { restic?: Readonly<Record<string, Value>> };
  const night = await serverA.night(t, { ...options, changes: { repositories: { nightly: { ...others, restic: { passwordFile: passwordFile(), ...restic } } } } });
  if (options.fresh !== true) new UnreadFile(join(night.config.state, 'nightly')).begin(new Books());
  return night;
}

/** Writes bytes that are nothing to restic under the right name of their kind; the path. */
export function addJunk(repository: string, kind: 'data' | 'index' | 'snapshots' | 'keys', content: Buffer = randomBytes(300)): string {
  const name = hashOf(content);
  const path = kind === 'data' ? `data/${name.slice(0, 2)}/${name}` : `${kind}/${name}`;
  writeFileSync(join(repository, path), content, { mode: 0o600 });
  return path;
}

/** Flips a bit in the middle of a file, also a read-only one; its size and name stay. */
export function damage(path: string): void {
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}

/** Opens a prune window by the command. */
export async function openWindow(night: Night, args: readonly string[] = []): Promise<void> {
  const { code, stderr } = await night.run(['prune-window', 'open', 'nightly', '--reason', 'test', ...args]);
  assert.equal(code, 0, stderr);
}

/** What a `sync` must come to: its exit code, and `rule path` of all findings that are no notes, sorted. */
export function assertFindings(judged: Judged, code: number, findings: readonly string[]): void {
  const found = judged.run.findings.filter(({ severity }: { severity: string }) => severity !== 'note');
  assert.equal(judged.code, code, judged.stderr);
  assert.deepEqual(found.map(({ rule, path }: { rule: string; path: string }) => `${rule} ${path}`.trim()).sort(), [...findings].sort());
}

/** Remembers what serverA has now; what it returns removes what has come since (the junk that `assertRefused` adds). */
export function junkRemover({ repository }: Night): () => void {
  const honest = new Set(filesBelow(repository.path));
  return () => { for (const path of filesBelow(repository.path)) if (!honest.has(path)) rmSync(join(repository.path, path)); };
}

/** What a rule's findings say. */
export function messagesOf(judged: Judged, rule: string): string {
  const found = judged.run.findings.filter((finding: { rule: string }) => finding.rule === rule);
  return found.map(({ message }: { message: string }) => message).join('\n');
}

/** The replica is whole: restic checks it reading all data, and restores the newest snapshot byte for byte. */
export async function assertUsable(night: Night): Promise<void> {
  const copy = openRepository(night.replica);
  await copy.check(true);
  const newest = (await copy.snapshots()).at(-1) ?? assert.fail('no snapshot');
  const target = temporaryFolder();
  await copy.restore(newest.id, target);
  assert.ok(filesBelow(target).length > 0, 'something was restored');
}

/** The files in the program's own folder of the replica, below `name`. */
export function ownFiles(night: Night, name: 'quarantine' | 'candidate' | 'incoming'): string[] {
  return filesBelow(join(night.replica, '.rsync-ratchet', name));
}

/** A backup of one new file on serverA, and the four new files that it comes to. */
export async function backUp(night: Night): Promise<Record<'snapshot' | 'index' | 'data' | 'tree', string>> {
  const { path } = night.repository;
  const before = new Set(filesBelow(path));
  const id = await night.repository.backup({ [`new ${randomBytes(4).toString('hex')}`]: randomBytes(20_000) });
  const index = filesBelow(path).find((one) => one.startsWith('index/') && !before.has(one)) ?? assert.fail('no new index');
  const { packs } = JSON.parse(await night.repository.run(['cat', '--no-lock', 'index', index.slice(-64)])) as { packs: { id: string; blobs: { type: string }[] }[] };
  const packOf = (type: string): string => {
    const found = packs.find(({ blobs }) => blobs[0]?.type === type)?.id ?? assert.fail(`no ${type}`);
    return `data/${found.slice(0, 2)}/${found}`;
  };
  return { snapshot: `snapshots/${id}`, index, data: packOf('data'), tree: packOf('tree') };
}
