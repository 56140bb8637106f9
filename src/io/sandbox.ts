/**
 * A view of the repository for restic, in mount, pid and network namespaces of its own: read-only replica and
 * candidates as one repository, nothing of this machine but programs, the password file and a private tmpfs.
 */
import { copyFileSync, existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathOf } from '../core/layout.ts';
import { Failure } from '../errors.ts';
import { briefly } from './briefly.ts';
import { writeNames } from './files.ts';
import { keptTogether, type Command } from './process.ts';

/** A part of the repository, and which of the two folders show it; a candidate goes before the replica's own file. */
export type Layers = '' | 'c' | 'r' | 'cr';

/** What is seen of each folder of the layout: files of the candidate (`c`), of the replica (`r`), of both, or none. */
export interface Shows {
  readonly data: Layers;
  readonly index: Layers;
  readonly keys: Layers;
  readonly snapshots: Layers;
  /** Only these folders of packs (`00` to `ff`), as the replica has them; all when it is absent. */
  readonly packFolders?: readonly string[];
}

/** What restic is shown. */
export interface View {
  readonly replica: string;
  /** Verified files in repository layout. */
  readonly candidate: string | undefined;
  readonly shows: Shows;
  /** The config that is shown instead of the replica's own. */
  readonly config: string | undefined;
  /** Paths that are hidden, as if they had left. */
  readonly without: readonly string[];
  /** Packs that are not there and are shown as empty files of so many bytes. */
  readonly standIns: ReadonlyMap<string, number>;
  /** Whether restic may write indexes, in memory alone. */
  readonly mayWrite: boolean;
  readonly passwordFile: string;
  /** The restic program, absolute. */
  readonly program: string;
  /** Bytes that restic's memory is to stay below. */
  readonly memory: number;
}

/**
 * A command for restic, without the options that name the repository; `cat index` for each index that is there by then;
 * or the name of a file that restic may not read, if there is one.
 */
export type Step = readonly string[] | 'each index' | 'unreadable file';

/** How much the sandbox may write, all of it in memory: restic's temporary files, merged indexes, a note for each hidden path. */
const tmpfsSize = '2g';
/** The script's exit codes where it cannot read the password, cannot make the view, and where it is the overlay that the kernel refuses. */
export const passwordRefused = 96;
export const viewFailed = 97;
export const overlayRefused = 98;

/**
 * Runs as (mapped) root in fresh namespaces; all that varies comes as arguments. One overlay for each layout folder:
 * overlapping trees cannot be one overlay (mount(2), ELOOP). The upper layer is memory, so nothing reaches the replica;
 * without overlays what restic may write is a copy in memory, because restic 0.14 changes the modes of indexes.
 * Without capabilities nothing inside can mount, or leave the chroot; nor could root read another user's 0600 file, so
 * the password is copied before they go.
 */
const script = `
set -eu
code=${viewFailed}
trap 'exit $code' EXIT
root=$1 replica=$2 candidate=$3 links=$4 password=$5 restic=$6 without=$7 config=$8 shows=$9; shift 9
packs=$1 writable=$2 nonce=$3 absent=$4; shift 4
mount -t tmpfs -o mode=0700,nosuid,nodev,size=${tmpfsSize} tmpfs "$root"
cd "$root"
mkdir lower lower/replica lower/candidate repo repo/locks tmp upper work dev
show() { mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"; }
show "$replica" lower/replica
[ -z "$candidate" ] || show "$candidate" lower/candidate
# What is mounted below (/usr/local, say) comes along, read-only as well: an ordinary user may not leave it out (EINVAL).
show_all() {
  mount --rbind "$1" "$2"
  here=$(pwd -P)/$2
  while read -r _ _ _ _ point _; do
    case $point in *\\\\*) point=$(printf %b "$point") ;; esac
    case $point in "$here" | "$here"/*) mount -o remount,bind,ro "$point" ;; esac
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
if [ -n "$links" ] && [ -z "$writable" ]; then show "$links" repo
elif [ -n "$links" ]; then
  cp -r "$links/config" "$links/index" "$links/keys" "$links/snapshots" repo/
  mkdir repo/data
  show "$links/data" repo/data
else
  cp "$config" repo/config
  for each in $shows; do
    folder=\${each%%=*} layers=\${each#*=} lower= upper=
    mkdir "repo/$folder" "upper/$folder" "work/$folder"
    if [ "$folder" = data ] && [ -n "$packs" ]; then
      for pack in $packs; do [ ! -d "lower/replica/data/$pack" ] || { mkdir "repo/data/$pack"; show "lower/replica/data/$pack" "repo/data/$pack"; }; done
      continue
    fi
    case $layers in *r*) lower="lower/replica/$folder" ;; esac
    case $layers in *c*) [ ! -d "lower/candidate/$folder" ] || lower="lower/candidate/$folder\${lower:+:$lower}" ;; esac
    [ -n "$lower" ] || continue
    [ -z "$without$writable$absent" ] || upper=",upperdir=upper/$folder,workdir=work/$folder,userxattr"
    # One folder alone is no overlay without an upper layer: an empty second one makes it one.
    case $lower$upper in *[:,]*) ;; *) lower="$lower:upper/$folder" ;; esac
    mount -t overlay overlay -o "lowerdir=$lower$upper" "repo/$folder" || { code=${overlayRefused}; exit; }
  done
  [ -z "$without" ] || (cd repo && xargs -0 rm -f -- < "$without")
  [ -z "$absent" ] || while read -r size path; do mkdir -p "repo/\${path%/*}"; truncate -s "$size" "repo/$path"; done < "$absent"
fi
unset OLDPWD
ask() { (exec chroot "$root" setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"); }
# What a step ends with is told on both streams, behind a word that nothing inside can know; the first that fails is the last.
step() {
  number=$1; shift
  code=0; ask "$@" || code=$?
  told "$code"; printf '\n%s\n' "$nonce" >&2
  [ "$code" = 0 ] || { code=0; exit; }
}
# A dot ends a step, a plus one command of several.
end=.
told() { printf '\n%s %s %s %s\n' "$nonce" "$number" "$1" "$end"; }
`;

/** restic, the repository, and what it must never do in a view: lock, cache. */
const restic = '/restic -r /repo --password-file /password --no-lock --no-cache';

/** The lines of the script that ask; only words of ours and IDs ever get here. */
function asking(steps: readonly Step[]): string {
  return steps.map((step, number) => {
    if (step === 'each index') return `number=${number} end=+; for each in repo/index/*; do [ ! -f "$each" ] || step ${number} ${restic} cat index "\${each##*/}"; done; end=.; told 0`;
    if (step === 'unreadable file') return `step ${number} /usr/bin/find /repo -type f ! -readable -print -quit`;
    for (const word of step) if (!plainWord.test(word)) throw new Error(`not a word for the sandbox: ${word}`);
    return `step ${number} ${restic} ${step.join(' ')}`;
  }).join('\n');
}

const plainWord = /^[A-Za-z0-9][A-Za-z0-9=/.-]*$|^--?[a-z][A-Za-z0-9=/.-]*$/;

/** Namespaces; an ordinary user needs one for users too, in which they look like root. */
function namespaces(): string[] {
  const isRoot = process.getuid?.() === 0;
  return ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child', ...(isRoot ? [] : ['--user', '--map-root-user'])];
}

/** A kernel that refuses says so at once, in milliseconds. */
const probePatience = 10_000;

/** Whether this kernel lets us have namespaces at all. */
export async function canIsolate(): Promise<boolean> {
  return (await briefly('unshare', [...namespaces(), 'true'], probePatience)).code === 0;
}

/**
 * The command that asks restic all steps about a view, one after another. `scratch` is a private folder. `links`: the
 * hard-link copy that is shown instead of overlays, where the kernel refuses those. `nonce` marks the end of each step.
 */
export function isolatedCommand(view: View, scratch: string, links: string | undefined, steps: readonly Step[], nonce: string): Command {
  const root = join(scratch, 'root');
  const without = join(scratch, 'without');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const hidden = writeNames(without, view.without);
  const absent = join(scratch, 'absent');
  writeFileSync(absent, standIns(view).map(([path, bytes]) => `${bytes} ${path}\n`).join(''), { mode: 0o600 });
  const { data, index, keys, snapshots, packFolders = [] } = view.shows;
  const values = [
    root, view.replica, view.candidate ?? '', links ?? '', view.passwordFile, view.program, hidden > 0 ? without : '', view.config ?? join(view.replica, 'config'),
    `data=${data} index=${index} keys=${keys} snapshots=${snapshots}`, packFolders.join(' '), view.mayWrite ? 'yes' : '', nonce, view.standIns.size > 0 ? absent : '',
  ];
  return {
    file: patient[0] ?? '',
    args: [...patient.slice(1), 'unshare', ...namespaces(), '--', 'sh', '-c', `${script}${asking(steps)}\ncode=0`, 'sh', ...values],
    env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp', TMPDIR: '/tmp', GOMEMLIMIT: String(view.memory) },
  };
}

/** restic reads much and is in no hurry; where the kernel knows no such class, it goes on without (`-t`). */
const patient = ['nice', '-n', '10', 'ionice', '-t', '-c', '3'];

/** One command without any isolation, on a hard-link copy; only for `prove: unisolated`. */
export function unisolatedCommand(view: View, scratch: string, links: string, args: readonly string[]): Command {
  return keptTogether({
    file: patient[0] ?? '',
    args: [...patient.slice(1), view.program, '-r', links, '--password-file', view.passwordFile, '--no-lock', '--no-cache', ...args],
    env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: scratch, TMPDIR: scratch, GOMEMLIMIT: String(view.memory) },
  });
}

/** Makes the view as a copy of hard links in `folder`, which is on the replica's file system. Slow, but works everywhere; to be done by `until`. */
export async function linkView(view: View, folder: string, until: number): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  for (const part of parts) mkdirSync(join(folder, part), { recursive: true, mode: 0o700 });
  copyFileSync(view.config ?? join(view.replica, 'config'), join(folder, 'config'));
  for (const part of parts) {
    for (const [layer, root] of [['r', view.replica], ['c', view.candidate]] as const) {
      if (root === undefined || !view.shows[part].includes(layer)) continue;
      const below = part === 'data' && view.shows.packFolders !== undefined ? view.shows.packFolders.map((name) => `data/${name}`) : [part];
      const there = below.map((path) => join(root, path)).filter((path) => existsSync(path));
      if (there.length > 0) await linkAll(there, below[0] === part ? folder : join(folder, part), Math.max(until - Date.now(), 0));
    }
  }
  for (const path of view.without) rmSync(join(folder, path), { force: true });
  for (const [path, bytes] of standIns(view)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path), '', { mode: 0o400, flag: 'wx' });
    truncateSync(join(folder, path), bytes);
  }
}

/** Paths and bytes. */
function standIns({ standIns: packs }: View): [string, number][] {
  return [...packs].map(([pack, bytes]) => [pathOf('pack', pack), bytes]);
}

const parts = ['data', 'index', 'keys', 'snapshots'] as const;

async function linkAll(sources: readonly string[], folder: string, patience: number): Promise<void> {
  const copied = await briefly('cp', ['-rl', '--no-dereference', '--', ...sources, folder], patience);
  if (copied.code !== 0) throw new Failure(`no view for restic could be made: ${copied.stderr}`, 'the replica must be on a file system with hard links; nothing was admitted');
}
