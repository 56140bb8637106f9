# Runs as (mapped) root in fresh namespaces, as the first process: what is left when it ends, the kernel ends. One overlay
# for each layout folder: overlapping trees cannot be one overlay (mount(2), ELOOP). The upper layer is memory, so nothing
# reaches the replica. Without capabilities nothing inside can mount, or leave the chroot; nor could root read another
# user's 0600 file, so the password is copied before they go. What stands in the end is read from the kernel, and
# everything below the root that is not meant to be written must be read-only there. The kernel is asked by number
# (syscall), which takes no program to start, and every number is held against what it must have done.
use strict;
# How much the sandbox may write, all of it in memory: restic's temporary files, merged indexes, a note for each hidden path.
my $tmpfs_size = "2g";
# The exit codes where the password cannot be read, the view cannot be made, and where it is the overlay that the kernel refuses.
my ($password_refused, $view_failed, $overlay_refused) = (96, 97, 98);
# $nonce marks the end of each step; $memory: bytes that each may ask for to write to.
my ($root, $nonce, $memory) = splice @ARGV, 0, 3;
# The numbers of system calls that Perl does not know.
my ($mount, $prctl, $prlimit, $capget, $capset, $ioprio_set) = map { 0 + $_ } splice @ARGV, 0, 6;
# Their flags, from linux/mount.h, linux/prctl.h and sys/resource.h.
my %flag = (ro => 1, nosuid => 2, nodev => 4, noexec => 8, remount => 32, bind => 4096, rec => 16384);
my ($RLIMIT_DATA, $PR_CAPBSET_READ, $PR_CAPBSET_DROP, $PR_SET_NO_NEW_PRIVS, $CAPABILITY_VERSION_3) = (2, 23, 24, 38, 0x20080522);
my ($PR_SET_SECCOMP, $SECCOMP_MODE_FILTER) = (22, 2);
my ($said, @mounted, @overlaid, %writable, %wanted, @hidden, @absent, %held, %kept, @pretended) = ("");
$| = 1;
umask 077;
# restic reads much and is in no hurry: neither with the processor nor, where the kernel can be told, with the disk (idle).
setpriority 0, 0, 10;
syscall $ioprio_set, 1, 0, 3 << 13;
must(syscall($prlimit, 0, $RLIMIT_DATA, my $most = pack("QQ", $memory, $memory), 0) == 0, "prlimit");

sub stop { my ($code, $words) = @_; print STDERR "$words\n"; exit $code }
sub must { my ($done, $what) = @_; stop($view_failed, "$what: $!") unless $done }
sub flags { my $flags = 0; $flags |= $flag{$_} // 0 for @_; return $flags }
# The flags are a list of names; what went wrong is kept for whoever looks at what stands.
sub mount {
  my ($from, $to, $type, $options, $data) = @_;
  return 1 if syscall($mount, $from, $to, $type, flags(split /,/, $options), $data) == 0;
  $said .= "$to: $!; ";
  return 0;
}

must(mount("tmpfs", $root, "tmpfs", "nosuid,nodev", "mode=0700,size=$tmpfs_size"), "tmpfs");
must(chdir($root) && ($root = readlink "/proc/self/cwd"), $root);
while ((my $verb = shift) ne "--") {
  my ($from, $to) = splice @ARGV, 0, 2;
  if ($verb eq "folder") { must(mkdir($to), $to) }
  elsif ($verb eq "link") { must(symlink($from, $to), $to) }
  elsif ($verb eq "copy") { must(copied($from, $to), $from) }
  elsif ($verb eq "copy-all") { must(copied("$from/$_", "$to/$_"), "$from/$_") for names($from) }
  elsif ($verb eq "password") { copied($from, $to) or stop($password_refused, "$from: $!"); show($to, $to, "bind", "nosuid,nodev,noexec") }
  elsif ($verb eq "show") { show($from, $to, "bind", "nosuid,nodev,noexec") }
  elsif ($verb eq "show-programs") { show($from, $to, "bind,rec", "nosuid,nodev") }
  elsif ($verb eq "show-device") { show($from, $to, "bind", "nosuid,noexec") } # written to, not changed: its mode is the machine's
  elsif ($verb eq "overlay") { overlay($to, "ro", "lowerdir=$from") }
  elsif ($verb eq "overlay-writable") {
    overlay($to, "", "lowerdir=$from,upperdir=upper/$to,workdir=work/$to,userxattr");
    $writable{"$root/repo/$to"} = 1;
  }
  elsif ($verb eq "target") { target($from, $to) }
  elsif ($verb eq "keep") { %kept = map { $_ => 1 } split /,/, $from }
  elsif ($verb eq "pretend") { @pretended = split /,/, $from }
  elsif ($verb eq "hide") { push @hidden, $from }
  elsif ($verb eq "stand-ins") { push @absent, $from }
  else { stop($view_failed, "not a verb: $verb") }
}
seal();
hide($_) for @hidden;
stand_in($_) for @absent;

for (my $number = 0; @ARGV; $number++) {
  my ($kind, @words) = splice @ARGV, 0, shift;
  if ($kind eq "each index") {
    step($number, "+", @words, $_) for grep { -f "repo/index/$_" } names("repo/index");
    told($number, 0, ".");
  }
  elsif ($kind eq "alone") { print STDERR "$nonce\n"; exit ask(@words) }
  else { step($number, ".", @words) }
}
exit 0;

sub names {
  my ($folder) = @_;
  must(opendir(my $open, $folder), $folder);
  return sort grep { !/^\./ } readdir $open;
}

sub copied {
  my ($from, $to) = @_;
  my ($bytes, $read);
  my ($mode, $what) = $from eq "-" ? ("<&", *STDIN) : ("<", $from);
  open(my $in, $mode, $what) && open(my $out, ">", $to) or return 0;
  while ($read = sysread $in, $bytes, 65536) { syswrite($out, $bytes) == $read or return 0 }
  return defined $read && close $out;
}

# What is bound takes its options only when it stands; `wanted`, besides read-only.
sub show {
  my ($from, $to, $how, $wanted) = @_;
  if (-d $from) { must(-d $to || mkdir($to), $to) } elsif (!-e $to) { must(open(my $new, ">", $to), $to) }
  mount($from, "$root/$to", "none", $how, 0);
  $wanted{"$root/$to"} = $wanted;
  push @mounted, "$root/$to";
}

# What may be written, by its device and inode and its path: what was mounted must be what was looked at outside.
sub target {
  my ($from, $to) = @_;
  my ($identity, $path) = $from =~ /^(\d+ \d+) (.*)$/s;
  show($path, $to, "bind", "nosuid,nodev,noexec");
  ($writable{"$root/$to"}, $held{"$root/$to"}) = (1, $identity);
}

sub overlay {
  my ($to, $options, $data) = @_;
  must(mkdir("$_/$to"), "$_/$to") for "repo", "upper", "work";
  mount("overlay", "$root/repo/$to", "overlay", $options, $data);
  push @overlaid, "$root/repo/$to";
}

# An ordinary user may not take options away that a mount had before, so each keeps its own. What is mounted below /usr
# (/usr/local, say) came along, because an ordinary user may not leave it out (EINVAL).
sub seal {
  my $options = mounts();
  for (sort keys %$options) {
    next if !$wanted{$_} && ($writable{$_} || $options->{$_} =~ /^ro\b/);
    mount("none", $_, "none", join(",", "remount,bind", $writable{$_} ? () : "ro", $options->{$_}, $wanted{$_} // ""), 0);
  }
  $options = mounts();
  for (@mounted) { stop($view_failed, "$_ is not mounted: $said") unless $options->{$_} }
  for (@overlaid) { stop($overlay_refused, "$_ is not mounted: $said") unless $options->{$_} }
  for (keys %$options) { stop($view_failed, "$_ is not read-only: $said") unless $writable{$_} || $options->{$_} =~ /^ro\b/ }
  for (keys %held) {
    stop($view_failed, "the target is another folder than before") unless join(" ", (stat)[0, 1]) eq $held{$_};
    stop($view_failed, "the target has devices: $said") unless $options->{$_} =~ /\bnodev\b/;
    # A symlink in the target may lead out of it: what was written there would go with the memory, and restic call it done.
    mount("none", $root, "none", "remount,bind,ro,nosuid,nodev", 0);
    stop($view_failed, "beside the target can be written: $said") if mkdir "tmp/probe";
  }
}

# What is mounted below the root, with its options; of several at one place the last.
sub mounts {
  must(open(my $info, "<", "/proc/self/mountinfo"), "mountinfo");
  my %options;
  while (<$info>) {
    my ($point, $with) = (split / /)[4, 5];
    $point =~ s/\\(\d{3})/chr oct $1/ge;
    $options{$point} = $with if index($point, "$root/") == 0;
  }
  return \%options;
}

# Names that end with a zero byte each.
sub hide {
  my ($from) = @_;
  local $/ = "\0";
  must(open(my $list, "<", $from), $from);
  while (<$list>) { chomp; must(unlink("repo/$_") || $! == 2, $_) }
}

# Lines: a length in bytes, and the path of a file that looks as if it had it.
sub stand_in {
  my ($from) = @_;
  must(open(my $list, "<", $from), $from);
  while (<$list>) {
    chomp;
    my ($length, $path) = split / /, $_, 2;
    my ($folder) = $path =~ m{(.*)/};
    must(-d "repo/$folder" || mkdir("repo/$folder"), $folder);
    must(open(my $file, ">", "repo/$path"), $path);
    must(truncate($file, $length), $path);
  }
}

# What a step ends with is told on both streams, behind a word that nothing inside can know; the first that fails is the last.
sub step {
  my ($number, $end, @words) = @_;
  my $code = ask(@words);
  told($number, $code, $end);
  print STDERR "\n$nonce\n";
  exit 0 if $code != 0;
}

# A dot ends a step, a plus one command of several.
sub told { my ($number, $code, $end) = @_; print "\n$nonce $number $code $end\n" }

# As a shell says it: 128 and the number for what a signal ended.
sub ask {
  my $pid = fork;
  must(defined $pid, "fork");
  if ($pid == 0) {
    must(chroot($root) && chdir("/"), "chroot");
    drop_capabilities();
    pretend(@pretended) if @pretended;
    exec { $_[0] } @_ or stop(127, "$_[0]: $!");
  }
  must(waitpid($pid, 0) == $pid, "wait");
  return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

# Those that are kept come with root's name at the exec. None can come back by it: neither by root's name nor by a file's, none is handed on, and there are no new privileges.
sub drop_capabilities {
  must(syscall($prctl, $PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  for (my $each = 0; syscall($prctl, $PR_CAPBSET_READ, $each, 0, 0, 0) >= 0; $each++) {
    must($kept{$each} || syscall($prctl, $PR_CAPBSET_DROP, $each, 0, 0, 0) == 0, "bounding set");
  }
  my ($header, $sets) = (pack("Ii", $CAPABILITY_VERSION_3, 0), "\0" x 24);
  must(syscall($capget, $header, $sets) == 0, "capget");
  my @sets = unpack "I6", $sets;
  @sets[2, 5] = (0, 0);
  must(syscall($capset, $header, $sets = pack("I6", @sets)) == 0, "capset");
}

# Lets system calls do nothing and say that all is well, by their numbers: a filter of seccomp(2), which loads the number of
# the call, and jumps over "allow" to "say 0" where it is one of these.
sub pretend {
  my @calls = @_;
  my $end = @calls;
  my @filter = (pack("SCCL", 0x20, 0, 0, 0), map { pack("SCCL", 0x15, $end--, 0, $_) } @calls);
  push @filter, map { pack("SCCL", 0x06, 0, 0, $_) } 0x7fff0000, 0x50000;
  my $filter = join "", @filter;
  my $program = pack("S x![J] P", scalar @filter, $filter);
  must(syscall($prctl, $PR_SET_SECCOMP, $SECCOMP_MODE_FILTER, $program) == 0, "seccomp");
}
