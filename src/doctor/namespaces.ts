/** What stands between an ordinary user and namespaces, by the kernel's own facts, and what mends it. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';

/** What the kernel and this machine say. */
export interface NamespaceFacts {
  readonly isRoot: boolean;
  /** `user.max_user_namespaces` is 0. */
  readonly areNone: boolean;
  /** Debian's `kernel.unprivileged_userns_clone` is 0. */
  readonly isSwitchedOff: boolean;
  /** `kernel.apparmor_restrict_unprivileged_userns` is 1 (Ubuntu 24.04), and we are under no profile of our own. */
  readonly refusedByAppArmor: boolean;
  /** Whether the package's profile lies here. */
  readonly hasProfile: boolean;
  /** The program as AppArmor sees it. */
  readonly program: string;
}

const profile = '/usr/share/rsync-ratchet/apparmor';

/** The facts as they are now; `proc` is where the kernel tells them. */
export function namespaceFacts(proc = '/proc'): NamespaceFacts {
  const setting = (name: string): string => told(`${proc}/sys/${name}`);
  return {
    isRoot: process.getuid?.() === 0,
    areNone: setting('user/max_user_namespaces') === '0',
    isSwitchedOff: setting('kernel/unprivileged_userns_clone') === '0',
    refusedByAppArmor:
      setting('kernel/apparmor_restrict_unprivileged_userns') === '1' &&
      !told(`${proc}/self/attr/current`).startsWith('rsync-ratchet'),
    hasProfile: existsSync(profile),
    program: realpathSync(process.argv[1] ?? process.execPath),
  };
}

/** What mends it: the command, or the sentence. */
export function namespaceMend(facts: NamespaceFacts): string {
  if (facts.isRoot)
    return 'this container, or what else root runs in, may make no namespaces: let it (CAP_SYS_ADMIN), or say restic.prove: unisolated and rsync.sandbox: off';
  if (facts.areNone) return 'sysctl user.max_user_namespaces=10000, for good in a file of /etc/sysctl.d';
  if (facts.isSwitchedOff) return 'sysctl kernel.unprivileged_userns_clone=1, for good in a file of /etc/sysctl.d';
  if (facts.refusedByAppArmor) return appArmorMend(facts);
  return 'allow user namespaces: a container or a service manager may refuse them (seccomp, RestrictNamespaces=); or run as root';
}

/** The package puts its profile in place by itself; here it did not, or this is not the program that the profile is for. */
function appArmorMend({ hasProfile, program }: NamespaceFacts): string {
  const why =
    'AppArmor takes the capabilities in them from ordinary users (kernel.apparmor_restrict_unprivileged_userns is 1)';
  const load = 'apparmor_parser --replace /etc/apparmor.d/rsync-ratchet';
  return hasProfile
    ? `${why}: ln -sf ${profile} /etc/apparmor.d/rsync-ratchet && ${load}, and start /usr/bin/rsync-ratchet`
    : `${why}: install the Debian package, which brings a profile; or copy its scripts/package/apparmor to /etc/apparmor.d/rsync-ratchet with ${program} in place of its path, and ${load}`;
}

/** '' where nothing is told. */
function told(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
