/** What rsync runs as its `-e`: no ssh, but a helper that joins its stdin and stdout to the two ends of a channel. */

import { constants } from 'node:fs';
import { asWord, requireHeld, type HeldFolder } from './held-folder.ts';

/**
 * In Perl, which is on every Debian (perl-base), starts in two milliseconds, and can ask the kernel to move the bytes
 * (splice(2)): read and written they cost five times the processor time. Two processes, because either direction may have
 * to wait for the other. splice holds the pipe's lock while it waits for the socket, and whoever wants the pipe's other end
 * waits with it: so it is only asked for what can be done at once, and only from pipe to socket, where the data is.
 *
 * What rsync says goes on at most 64 KiB ahead of what comes back, for as long as something does within a short silence: rsync holds each
 * name that comes against all that it has asked for, the newest first (that is how it sees what nobody asked for), and ssh
 * takes 2 MiB of names ahead. A first copy of 100,000 tiny files spent half of its processor time on that.
 *
 * Arguments: the word for a channel that gave nothing at all; the folders that must be those that are held outside; in
 * hexadecimal what rsync must say after that, word for word, as learned; then what it says. With nothing learned it says on
 * stderr what rsync said, and ends.
 */
const program = `
${requireHeld}
my ($splice, $silence, $nothing, $held, $learned) = splice @ARGV, 0, 5;
my ($came, $ahead) = (0, 0);
my $said = unpack "H*", join "\\0", @ARGV;
if ($learned eq "-") { print STDERR "rsync-ratchet: asks $said\\n"; exit 1 }
if ($learned ne $said) { print STDERR "rsync-ratchet: asks for something else than before\\n"; exit 1 }
require_held($_) for $held =~ /[0-9a-f]+/g;
open my $from, "<&=", 3;
open my $to, ">&=", 4;
pipe my $heard, my $tell;
fcntl $tell, 4, ${constants.O_NONBLOCK}; # F_SETFL; what it cannot hold is not needed
unless (fork) { close $from; close STDOUT; move(*STDIN, $to, -1, \\&wait_for_answers); exit }
close $to;
move($from, *STDOUT, $splice, sub { syswrite $tell, pack "N", $_[0] });
print STDERR "$nothing\\n" unless $came;
exit;
sub ready { my $at = ""; vec($at, fileno $_[0], 1) = 1; $_[1] ? select undef, $at, undef, undef : select $at, undef, undef, $_[2] }
sub wait_for_answers {
  $ahead += $_[0];
  while ($ahead > 65536) {
    if (ready($heard, 0, $silence) > 0) { sysread $heard, my $ticks, 65536; $ahead -= unpack "%32N*", $ticks } else { $ahead = 0 }
  }
  $ahead = 0 if $ahead < 0;
}
sub move {
  my ($in, $out, $splice, $after) = @_;
  while (1) {
    ready($in, 0);
    my $moved = $splice < 0 ? copied($in, $out) : syscall $splice, fileno $in, 0, fileno $out, 0, 1048576, 3;
    last if $moved == 0;
    if ($moved > 0) { $came = 1; $after->($moved) }
    next if $moved > 0 || $! == 4;
    exit 0 if $! == 32; # rsync has ended first: its own code counts, not ours
    if ($! == 11) { ready($out, 1) } elsif ($splice < 0) { exit 1 } else { $splice = -1 }
  }
}
sub copied {
  my ($in, $out, $bytes) = @_;
  my $read = sysread $in, $bytes, 32768;
  return -1 unless defined $read;
  for (my $done = 0; $done < $read;) {
    my $wrote = syswrite $out, $bytes, $read - $done, $done;
    if (defined $wrote) { $done += $wrote } elsif ($! == 11) { ready($out, 1) } elsif ($! == 32) { exit 0 } elsif ($! != 4) { exit 1 }
  }
  return $read;
}`;

/** splice(2)'s number, which Perl does not know. */
const spliceOf: Readonly<Partial<Record<NodeJS.Architecture, number>>> = {
  x64: 275,
  arm64: 76,
  riscv64: 76,
  loong64: 76,
  arm: 340,
  ia32: 313,
  ppc64: 283,
  s390x: 306,
};

const asks = /^rsync-ratchet: asks ([0-9a-f]+)$/m;

/** What rsync's `-e` is told besides. */
export interface HelperOptions {
  /** See `Room`. */
  readonly held?: readonly HeldFolder[];
  /** A line that it says on stderr when the channel gave nothing at all. Random: an exit code is serverA's to choose. */
  readonly nothing?: string;
  /** In seconds. */
  readonly silence?: number;
}

/** The value of `-e`; without `learned` for an rsync that only says how it would call serverA. */
export function helper(
  perl: string,
  learned?: readonly string[],
  { held = [], nothing = '-', silence = 0.05 }: HelperOptions = {},
): string {
  const expected = learned === undefined ? '-' : Buffer.from(learned.join('\0'), 'latin1').toString('hex');
  const words = [spliceOf[process.arch] ?? -1, silence, nothing, `-${held.map(asWord).join('-')}`, expected];
  return `${perl} -e '${program}' -- ${words.join(' ')}`;
}

/** What rsync said that it would run, from its stderr; undefined when it did not come so far. */
export function askedIn(stderr: string): string[] | undefined {
  const said = asks.exec(stderr)?.[1];
  return said === undefined ? undefined : Buffer.from(said, 'hex').toString('latin1').split('\0');
}
