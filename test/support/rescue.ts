/** A replica to restore from: what a client of every kind of file has backed up, copied here by a night. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { give, type User } from './asked.ts';
import { type Finished, ratchet, type RatchetOptions } from './cli.ts';
import { writeConfig, type Value, type WrittenConfig } from './config.ts';
import { type ResticRepository, resticRepository } from './restic.ts';
import { type Ending, temporaryFolder } from './temporary.ts';
import { digest } from './tree.ts';

export const isRoot = process.getuid?.() === 0;

/** Where it happens. */
export interface Place {
  readonly folder: string;
  /** What was backed up. */
  readonly source: string;
  readonly repository: ResticRepository;
  readonly config: WrittenConfig;
  /** A folder of whoever types. */
  readonly out: string;
  /** `rsync-ratchet --config … ARGS`, by whoever runs the tests. */
  run(args: readonly string[], options?: RatchetOptions): Promise<Finished>;
  /** The replica, byte for byte and inode for inode, without the program's own folder. */
  replicaNow(): string[];
}

/** Files of three owners, one of them setuid; a device, a fifo, links; names that mean something to a terminal or to a pattern. */
export function everyKind(folder: string): void {
  mkdirSync(join(folder, 'sub'), { recursive: true });
  for (const [name, content] of Object.entries({ plain: 'plain', program: '#!/bin/sh\n', 'sub/other': 'other', 'a[1].txt': 'pattern', 'a1.txt': 'what the pattern means', 'n\x1b[31mred': 'colour' }))
    writeFileSync(join(folder, name), content);
  symlinkSync('/etc/passwd', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  if (isRoot) {
    chownSync(join(folder, 'program'), 1234, 2345);
    chownSync(join(folder, 'sub/other'), 3456, 4567);
    execFileSync('mknod', [join(folder, 'device'), 'c', '1', '3']);
  }
  chmodSync(join(folder, 'program'), 0o4755);
  chmodSync(join(folder, 'sub'), 0o2750);
}

/** An access list: the owner, user 1234, the group, the mask, others. */
const acl = Buffer.from([[1, 6, -1], [2, 4, 1234], [4, 4, -1], [16, 4, -1], [32, 0, -1]].reduce((text, [tag = 0, mode = 0, id = 0]) => {
  const entry = Buffer.alloc(8);
  entry.writeUInt16LE(tag, 0); entry.writeUInt16LE(mode, 2); entry.writeInt32LE(id, 4);
  return text + entry.toString('hex');
}, '02000000'), 'hex');

/** setxattr(2) and getxattr(2): Perl is on every Debian, setfattr is not. */
const [setxattr, getxattr] = process.arch === 'x64' ? [188, 191] : [5, 8];

/** Gives a file an extended attribute and an access list; false where this file system has none. */
export function giveAttributes(file: string): boolean {
  const set = (name: string, value: Buffer): void => {
    execFileSync('perl', ['-e', 'my ($number, $path, $name, $value) = @ARGV; $value = pack "H*", $value; exit(syscall(0 + $number, $path, $name, $value, length $value, 0) == 0 ? 0 : 1)', String(setxattr), file, name, value.toString('hex')]);
  };
  try {
    set('user.note', Buffer.from('a note'));
    set('system.posix_acl_access', acl);
    return true;
  } catch {
    return false;
  }
}

/** The two attributes as hexadecimal text, '' for each that is not there. */
export function attributesOf(file: string): string[] {
  const script = 'my ($number, $path, @names) = @ARGV; for (@names) { my $value = "\\0" x 200; my $n = syscall(0 + $number, $path, "$_", $value, 200); print unpack("H*", substr $value, 0, $n > 0 ? $n : 0), "\\n" }';
  return execFileSync('perl', ['-e', script, String(getxattr), file, 'user.note', 'system.posix_acl_access'], { encoding: 'utf8' }).split('\n').slice(0, 2);
}

/** Whose everything below a folder is, with its kind and modes, its device number and where it leads. */
export function described(folder: string): string[] {
  return digest(folder).map((line) => {
    const name = (line.split(' ')[0] ?? '').replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    const path = join(folder, name);
    const { uid, gid, mode, rdev } = lstatSync(path);
    const leads = (mode & 0o170000) === 0o120000 ? readlinkSync(path) : '';
    return name === '.' ? '.' : `${line} ${uid}:${gid} ${mode.toString(8)} ${rdev} ${leads}`;
  });
}

/**
 * A replica of that user's with one snapshot of `everyKind`, or of what `fill` makes; `restic` are keys of the configuration.
 * Built without a network: its source is a path here.
 */
export async function rescuePlace(t: Ending, { owner = 'runner', fill = everyKind, restic = {} }: { owner?: User; fill?: (folder: string) => void; restic?: Readonly<Record<string, Value>> } = {}): Promise<Place> {
  const folder = temporaryFolder(t);
  const [source, owned, out] = [join(folder, 'client'), join(folder, 'owned'), join(folder, 'out')];
  for (const one of [source, owned, out]) mkdirSync(one);
  fill(source);
  const repository = resticRepository(join(folder, 'repository'));
  await repository.backup(source);
  chmodSync(folder, 0o755);
  execFileSync('chmod', ['-R', 'a+rX', repository.path]);
  const password = join(owned, 'password');
  cpSync(repository.passwordFile, password);
  const config = writeConfig(owned, repository.path, { repositories: { nightly: { restic: { passwordFile: password, ...restic } } } });
  give(owner, owned);
  const run: Place['run'] = (args, options = {}) => ratchet(args, { config: config.file, ...options });
  for (const args of [['init', 'nightly'], ['sync']]) {
    const { code, stderr } = await run(args);
    assert.equal(code, 0, stderr);
  }
  return { folder, source, repository, config, out, run, replicaNow: () => digest(config.replica, { inode: true, without: ['.rsync-ratchet'] }) };
}

/** The configuration with other keys for restic: a path to it. */
export function configWith(place: Place, restic: Readonly<Record<string, Value>>, name = 'other.yaml'): string {
  const config = JSON.parse(readFileSync(place.config.file, 'utf8')) as { repositories: { nightly: { restic: Record<string, Value> } } };
  config.repositories.nightly.restic = JSON.parse(JSON.stringify({ ...config.repositories.nightly.restic, ...restic })) as Record<string, Value>;
  const file = join(place.folder, 'owned', name);
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

/** A program in restic's place: a shell script, for all to read. */
export function scriptedRestic(place: Place, script: string): string {
  const file = join(place.folder, 'fake-restic');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}
