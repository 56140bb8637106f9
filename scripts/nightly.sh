#!/bin/sh
# One night of rsync-ratchet, for a shell cron (a sample line is in cron.d/rsync-ratchet beside this file).
#
#   nightly.sh [REPO…] [--no-limits]      what is given here goes to `rsync-ratchet sync`
#
# Prints nothing when all is well, so that cron mails only what is worth reading, and passes the exit code on:
# 0 all well, 1 failed, 2 configuration, 3 alarm, 4 done with warnings, 75 another run is at work.

# cron's PATH is short and a login shell's is anyone's guess. Add a folder here if node lives elsewhere.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# What this run writes is for its own user alone.
umask 077

# The program: $RSYNC_RATCHET, else the installed one, else the checkout that this script is part of.
here=$(dirname -- "$(readlink -f -- "$0")")
if [ -n "${RSYNC_RATCHET:-}" ]; then
  set -- "$RSYNC_RATCHET" --quiet sync "$@"
elif command -v rsync-ratchet >/dev/null 2>&1; then
  set -- rsync-ratchet --quiet sync "$@"
elif [ -f "$here/../dist/main.js" ]; then
  set -- node "$here/../dist/main.js" --quiet sync "$@"
else
  echo "nightly.sh: no rsync-ratchet: not in RSYNC_RATCHET, not in $PATH, not built in $here/.." >&2
  exit 127
fi

# --- BEFORE: what should run first goes here, for example mounting the replica's disk. If it must not fail:
#     mount /srv/replica || exit 1

"$@"
status=$?

# --- AFTER: what should run afterwards goes here; $status tells how it went. Keep it from changing $status.
#     [ "$status" -eq 0 ] && umount /srv/replica

exit "$status"
