/** The process that asks the kernel for the locks of a run, and for room on the disk (lock.ts): in Perl, which is on every Debian (perl-base). */

/**
 * Arguments: fallocate(2)'s number, descriptors. On each line of stdin what to do with one of them, or with a path in hexadecimal;
 * what trying it came to is an errno. 1: room beyond the file's length, which stays (FALLOC_FL_KEEP_SIZE).
 */
export const locker = `$| = 1;
my %files;
my $fallocate = 0 + shift; # a text would be a pointer
for (@ARGV) { open $files{$_}, "+<&=", $_ or exit 1 }
sub room {
  my ($path, $bytes) = @_;
  open my $file, "+<", pack("H*", $path) or return 0;
  return syscall($fallocate, fileno $file, 1, 0, $bytes + 0) == 0;
}
while (<STDIN>) {
  my ($what, $file, $bytes) = split;
  if ($what eq "free") { flock $files{$file}, 8; next }
  print +($what eq "take" ? flock($files{$file}, 2 | 4) : room($file, $bytes)) ? 0 : $! + 0, "\\n";
}`;
/** fallocate(2)'s number, which Perl does not know; where a register does not hold its arguments, we do without. */
export const fallocateOf: Readonly<Partial<Record<NodeJS.Architecture, number>>> = {
  x64: 285,
  arm64: 47,
  riscv64: 47,
  loong64: 47,
  ppc64: 309,
  s390x: 314,
};
