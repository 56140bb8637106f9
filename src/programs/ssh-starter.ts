/** How ssh's master is started: by Perl, which makes the pipes of the night's channels first. Node can make none. */
import { findPerl, type Command } from './process.ts';

/**
 * In Perl, which is on every Debian (perl-base), and becomes ssh: a program less than setpriv(1) and mkfifo(1). Arguments:
 * our process, the numbers of prctl and mknodat, how many names; the names; the command. 1: PR_SET_PDEATHSIG, 9: KILL; who
 * started it may have ended already. -100: AT_FDCWD, 4096 (010000): S_IFIFO. A pipe that is not made is missed by whoever wants it.
 */
const starter = `
my ($parent, $prctl, $mknodat, $count) = map { 0 + $_ } splice @ARGV, 0, 4;
my @names = splice @ARGV, 0, $count;
exit 1 if syscall($prctl, 1, 9, 0, 0, 0) != 0 || getppid != $parent;
syscall $mknodat, -100, $_, 4096 | 0600, 0 for @names;
exec { $ARGV[0] } @ARGV or print STDERR "$ARGV[0] cannot be started: $!\\n";
exit 127`;

/** The numbers of prctl and mknodat (syscalls(2)), which Perl does not know. */
const generic = [167, 33];
const numbersOf: Readonly<Partial<Record<NodeJS.Architecture, readonly number[]>>> = {
  x64: [157, 259],
  arm64: generic,
  riscv64: generic,
  loong64: generic,
  arm: [172, 324],
  ia32: [172, 297],
  ppc64: [171, 288],
  s390x: [172, 290],
};

/** The command, which ends when we do, and pipes by these names; on a machine that is not in the table, the command as it is. */
export function startedWithPipes(command: Command, names: readonly string[]): Command {
  const numbers = numbersOf[process.arch];
  if (numbers === undefined) return command;
  const own = [process.pid, ...numbers, names.length].map(String);
  return {
    ...command,
    file: findPerl(),
    args: ['-e', starter, ...own, ...names, command.file, ...command.args],
    atOurEnd: 'itself',
  };
}
