# Runs as (mapped) root in fresh namespaces, as the first process: what is left when it ends, the kernel ends. One overlay
# for each layout folder: overlapping trees cannot be one overlay (mount(2), ELOOP). The upper layer is memory, so nothing
# reaches the replica. Without capabilities nothing inside can mount, or leave the chroot; nor could root read another
# user's 0600 file, so the password is copied before they go. mount(8)'s word counts for nothing: what stands is read from
# the kernel, and everything below the root that is not meant to be written must be read-only there.
use strict;
# How much the sandbox may write, all of it in memory: restic's temporary files, merged indexes, a note for each hidden path.
my $tmpfs_size = "2g";
# The exit codes where the password cannot be read, the view cannot be made, and where it is the overlay that the kernel refuses.
my ($password_refused, $view_failed, $overlay_refused) = (96, 97, 98);
# $ioprio_set: the number of ioprio_set(2), which Perl does not know; $nonce marks the end of each step.
my ($root, $nonce, $ioprio_set) = splice @ARGV, 0, 3;
my (@fstab, @mounted, @overlaid, %writable, @hidden, @absent);
$| = 1;
umask 077;
# restic reads much and is in no hurry: neither with the processor nor, where the kernel can be told, with the disk (idle).
setpriority 0, 0, 10;
syscall 0 + $ioprio_set, 1, 0, 3 << 13;

sub stop { my ($code, $words) = @_; print STDERR "$words\n"; exit $code }
sub must { my ($done, $what) = @_; stop($view_failed, "$what: $!") unless $done }
sub mount { system("mount", "-n", @_) == 0 }

must(mount("-t", "tmpfs", "-o", "mode=0700,nosuid,nodev,size=$tmpfs_size", "tmpfs", $root), "tmpfs");
must(chdir($root) && ($root = readlink "/proc/self/cwd"), $root);
while ((my $verb = shift) ne "--") {
  my ($from, $to) = splice @ARGV, 0, 2;
  if ($verb eq "folder") { must(mkdir($to), $to) }
  elsif ($verb eq "link") { must(symlink($from, $to), $to) }
  elsif ($verb eq "copy") { must(copied($from, $to), $from) }
  elsif ($verb eq "copy-all") { must(copied("$from/$_", "$to/$_"), "$from/$_") for names($from) }
  elsif ($verb eq "password") { copied($from, $to) or stop($password_refused, "$from: $!"); show($to, $to, "bind,ro,nosuid,nodev,noexec") }
  elsif ($verb eq "show") { show($from, $to, "bind,ro,nosuid,nodev,noexec") }
  elsif ($verb eq "show-programs") { show($from, $to, "rbind,ro,nosuid,nodev") }
  elsif ($verb eq "show-device") { show($from, $to, "bind"); $writable{"$root/$to"} = 1 }
  elsif ($verb eq "overlay") { overlay($to, "lowerdir=$from,ro") }
  elsif ($verb eq "overlay-writable") {
    overlay($to, "lowerdir=$from,upperdir=upper/$to,workdir=work/$to,userxattr");
    $writable{"$root/repo/$to"} = 1;
  }
  elsif ($verb eq "hide") { push @hidden, $from }
  elsif ($verb eq "stand-ins") { push @absent, $from }
  else { stop($view_failed, "not a verb: $verb") }
}
mount_all();
hide($_) for @hidden;
stand_in($_) for @absent;

for (my $number = 0; @ARGV; $number++) {
  my ($kind, @words) = splice @ARGV, 0, shift;
  if ($kind eq "each index") {
    step($number, "+", @words, $_) for grep { -f "repo/index/$_" } names("repo/index");
    told($number, 0, ".");
  }
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
  open(my $in, "<", $from) && open(my $out, ">", $to) or return 0;
  while ($read = sysread $in, $bytes, 65536) { syswrite($out, $bytes) == $read or return 0 }
  return defined $read && close $out;
}

# A line of fstab(5) for what is shown, and what it is mounted on.
sub show {
  my ($from, $to, $options) = @_;
  if (-d $from) { must(-d $to || mkdir($to), $to) } elsif (!-e $to) { must(open(my $new, ">", $to), $to) }
  push @fstab, line($from, "$root/$to", "none", $options);
  push @mounted, "$root/$to";
}

sub overlay {
  my ($to, $options) = @_;
  must(mkdir("$_/$to"), "$_/$to") for "repo", "upper", "work";
  push @fstab, line("overlay", "$root/repo/$to", "overlay", $options);
  push @overlaid, "$root/repo/$to";
}

sub line { return join(" ", map { s/([\s\\#])/sprintf "\\%03o", ord $1/ger } @_) . " 0 0\n" }

sub mount_all {
  must(open(my $file, ">", "fstab"), "fstab");
  must(print($file @fstab) && close($file), "fstab");
  open my $stderr, ">&", *STDERR;
  open STDERR, ">", "words";
  mount("-T", "$root/fstab", "-a");
  my $options = mounts();
  # An ordinary user may not take options away that a mount had before: then mount(8) keeps them, one by one. What is
  # mounted below /usr (/usr/local, say) came along, because an ordinary user may not leave it out (EINVAL).
  for (sort keys %$options) { mount("-o", "remount,bind,ro", $_) unless $writable{$_} || $options->{$_} =~ /^ro\b/ }
  $options = mounts();
  open STDERR, ">&", $stderr;
  open my $words, "<", "words";
  my $said = join "", <$words>;
  for (@mounted) { stop($view_failed, "$_ is not mounted: $said") unless $options->{$_} }
  for (@overlaid) { stop($overlay_refused, "$_ is not mounted: $said") unless $options->{$_} }
  for (keys %$options) { stop($view_failed, "$_ is not read-only: $said") unless $writable{$_} || $options->{$_} =~ /^ro\b/ }
  unlink "fstab", "words";
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
    chroot($root) && chdir("/") && exec "setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--", @_;
    stop(127, "setpriv: $!");
  }
  must(waitpid($pid, 0) == $pid, "wait");
  return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}
