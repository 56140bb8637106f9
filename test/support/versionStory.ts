/** What the tests of versions share: a repository of whatever restic the clients have, behind a door that may have another rsync. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ratchet, type RatchetOptions } from './cli.ts';
import { type Value, writeConfig } from './config.ts';
import { resticRepository, type ResticRepository } from './restic.ts';
import { rrsyncCommand, startSshd } from './sshd.ts';
import { type Ending, temporaryFolder } from './temporary.ts';

const { RATCHET_CLIENT_RESTIC: client, RATCHET_CLIENT_FORMAT: wantedFormat = '2', RATCHET_CLIENT_COMPRESSION: compression } = process.env;

/** The format of the repository that the clients make: scripts/matrix says which. */
export const format = wantedFormat === '1' ? 1 : 2;

/** A night between two machines that may have other programs. */
export interface Story {
  readonly client: ResticRepository;
  readonly replica: string;
  /** Backs up these files, compressed as scripts/matrix says; the snapshot's ID. */
  backup(files: Readonly<Record<string, string>>): Promise<string>;
  /** The program; must end with `code`. Returns the one run of `--json`, if it says one. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into it freely
  must(code: number, args: readonly string[], options?: RatchetOptions): Promise<any>;
}

/** serverA's door, `rrsync` or a `shell`, before a repository with one snapshot of which there is no replica yet. */
export async function beginStory(t: Ending, door: 'rrsync' | 'shell', nightly: (repository: ResticRepository) => Readonly<Record<string, Value>>): Promise<Story> {
  const folder = temporaryFolder(t);
  const repository = resticRepository(join(folder, 'source'), format, client);
  const sshd = await startSshd({ folder: join(folder, 'sshd'), accounts: [{ name: 'rrsync', command: rrsyncCommand(repository.path) }, { name: 'shell' }] });
  t.after(() => { void sshd.stop(); });
  const { user, host } = sshd;
  const source = `${user}@${host}:${door === 'shell' ? repository.path : '/'}`;
  const { file, replica } = writeConfig(folder, sshd.accounts[door], { repositories: { nightly: { source, ...nightly(repository) } } });
  const story: Story = {
    client: repository,
    replica,
    backup: (files) => repository.backup(files, compression === undefined ? [] : ['--compression', compression]),
    must: async (code, args, options = {}) => {
      const finished = await ratchet(args, { config: file, ...options });
      assert.equal(finished.code, code, `${args.join(' ')}: ${finished.stdout}${finished.stderr}`);
      return args[0] === '--json' ? finished.json().runs[0] : undefined;
    },
  };
  await story.backup({ 'old/a.txt': 'a'.repeat(5000), 'old/b.txt': 'b' });
  return story;
}

/** The rules of a run that are no notes, sorted, each once. */
export function rulesIn(run: { readonly findings: readonly { readonly rule: string; readonly severity: string }[] }): string[] {
  return [...new Set(run.findings.filter(({ severity }) => severity !== 'note').map(({ rule }) => rule))].sort();
}

/** Takes something away from serverA again. */
export function takeAway(story: Story, path: string): void {
  rmSync(join(story.client.path, path), { recursive: true });
}
