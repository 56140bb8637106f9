/**
 * A view of the repository for restic, in mount, pid and network namespaces of its own: read-only replica and
 * candidates as one repository, nothing of this machine but programs, the password file and a private tmpfs.
 */
import { execa } from 'execa';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { writeNames } from './files.ts';
import type { Command } from './process.ts';

/** What restic is shown. */
export interface View {
  readonly replica: string;
  /** Verified files in repository layout that are shown as if they had been admitted. */
  readonly candidate: string | undefined;
  /** The config that is shown instead of the replica's own. */
  readonly config: string | undefined;
  /** Paths that are hidden, as if they had left. */
  readonly without: readonly string[];
  readonly passwordFile: string;
  /** The restic program, absolute. */
  readonly program: string;
}

/** How much the sandbox may write, all of it in memory: restic's temporary files, and a note for each hidden path. */
const tmpfsSize = '1g';
/** The script's exit codes where it cannot read the password, cannot make the view, and where it is the overlay that the kernel refuses. */
export const passwordRefused = 96;
export const viewFailed = 97;
export const overlayRefused = 98;

/**
 * Runs as (mapped) root in fresh namespaces; all that varies comes as arguments. One overlay for each layout folder:
 * overlapping trees cannot be one overlay (mount(2), ELOOP). The upper layer is memory, so nothing reaches the replica.
 * Without capabilities nothing inside can mount, or leave the chroot; nor could root read another user's 0600 file, so
 * the password is copied before they go.
 */
const script = `
set -eu
code=${viewFailed}
trap 'exit $code' EXIT
root=$1 replica=$2 candidate=$3 links=$4 password=$5 restic=$6 without=$7 config=$8; shift 8
mount -t tmpfs -o mode=0700,nosuid,nodev,size=${tmpfsSize} tmpfs "$root"
cd "$root"
mkdir lower lower/replica lower/candidate repo tmp upper work dev
show() { mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"; }
show "$replica" lower/replica
[ -z "$candidate" ] || show "$candidate" lower/candidate
# What is mounted below (/usr/local, say) comes along, read-only as well: an ordinary user may not leave it out (EINVAL).
show_all() {
  mount --rbind "$1" "$2"
  while read -r _ _ _ _ point _; do
    point=$(printf %b "$point")
    case $point in "$(pwd -P)/$2" | "$(pwd -P)/$2"/*) mount -o remount,bind,ro "$point" ;; esac
  done < /proc/self/mountinfo
}
for folder in usr bin sbin lib lib64; do
  if [ -L "/$folder" ]; then ln -s "$(readlink "/$folder")" "$folder"
  elif [ -d "/$folder" ]; then mkdir "$folder"; show_all "/$folder" "$folder"; fi
done
touch restic dev/null
(umask 377; cat "$password" > password) || { code=${passwordRefused}; exit; }
show password password
show "$restic" restic
mount --bind /dev/null dev/null
if [ -n "$links" ]; then show "$links" repo; else
  cp "$config" repo/config
  for folder in data index keys snapshots; do
    mkdir "repo/$folder" "upper/$folder" "work/$folder"
    lower="lower/replica/$folder"
    [ ! -d "lower/candidate/$folder" ] || lower="lower/candidate/$folder:$lower"
    upper=
    [ -z "$without" ] || upper=",upperdir=upper/$folder,workdir=work/$folder,userxattr"
    # One folder alone is no overlay without an upper layer: an empty second one makes it one.
    [ "$lower$upper" != "lower/replica/$folder" ] || lower="$lower:upper/$folder"
    mount -t overlay overlay -o "lowerdir=$lower$upper" "repo/$folder" || { code=${overlayRefused}; exit; }
  done
  [ -z "$without" ] || (cd repo && xargs -0 rm -f -- < "$without")
fi
unset OLDPWD
exec chroot "$root" setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- /restic "$@"
`;

/** Namespaces; an ordinary user needs one for users too, in which they look like root. */
function namespaces(): string[] {
  const isRoot = process.getuid?.() === 0;
  return ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child', ...(isRoot ? [] : ['--user', '--map-root-user'])];
}

/** Whether this kernel lets us have namespaces at all. */
export async function canIsolate(): Promise<boolean> {
  const result = await execa('unshare', [...namespaces(), 'true'], { reject: false, stdin: 'ignore' });
  return !result.failed;
}

/**
 * The command that runs restic on a view. `scratch` is a private folder. `links`: the hard-link copy that is shown
 * instead of overlays, where the kernel refuses those.
 */
export function isolatedCommand(view: View, scratch: string, links: string | undefined, args: readonly string[]): Command {
  const root = join(scratch, 'root');
  const without = join(scratch, 'without');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const hidden = writeNames(without, view.without);
  const paths = [root, view.replica, view.candidate ?? '', links ?? '', view.passwordFile, view.program, hidden > 0 ? without : '', view.config ?? join(view.replica, 'config')];
  return {
    file: 'unshare',
    args: [...namespaces(), '--', 'sh', '-c', script, 'sh', ...paths, '-r', '/repo', '--password-file', '/password', ...args],
    env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp', TMPDIR: '/tmp' },
  };
}

/** The same without any isolation, on a hard-link copy; only for `prove: unisolated`. */
export function unisolatedCommand(view: View, scratch: string, links: string, args: readonly string[]): Command {
  return {
    file: view.program,
    args: ['-r', links, '--password-file', view.passwordFile, ...args],
    env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: scratch, TMPDIR: scratch },
  };
}

/** Makes the view as a copy of hard links in `folder`, which is on the replica's file system. Slow, but works everywhere. */
export async function linkView(view: View, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const parts = ['config', 'data', 'index', 'keys', 'snapshots'];
  for (const root of [view.replica, ...(view.candidate === undefined ? [] : [view.candidate])]) {
    const there = parts.filter((part) => existsSync(join(root, part))).map((part) => join(root, part));
    if (there.length > 0) await linkAll(there, folder);
  }
  for (const path of view.without) rmSync(join(folder, path), { force: true });
  if (view.config === undefined) return;
  rmSync(join(folder, 'config'));
  copyFileSync(view.config, join(folder, 'config'));
}

async function linkAll(sources: readonly string[], folder: string): Promise<void> {
  const copied = await execa('cp', ['-rl', '--no-dereference', '--', ...sources, folder], { reject: false, stdin: 'ignore' });
  if (copied.failed) throw new Failure(`no view for restic could be made: ${copied.stderr}`, 'the replica must be on a file system with hard links; nothing was admitted');
}
