/**
 * What `config generate` prints: every key with its default. A key right behind a `#` is optional and has
 * no default; with all those `#` taken away the file is valid as well.
 */
export const sampleConfig = `# The configuration of rsync-ratchet. It says what is pulled from where, and whom to tell.
#
# Check this file with: rsync-ratchet config validate
# A line "#key: value" is optional: take the # away to use it. Whatever is left out has the value shown here.
# Times take s m h d (30s, 1.5h), sizes KB MB GB TB or KiB MiB GiB TiB. Relative paths start from the folder of this file.
# What several repositories share can be written once: a block x-NAME: &anchor, and "<<: *anchor" where it is meant.
# Only its owner may be able to write this file; files that hold a secret must be closed to others.

# The journal, tombstones and unsent mail. A user other than root has ~/.local/state/rsync-ratchet; the systemd units and
# the README's installation need the # away.
#state: /var/lib/rsync-ratchet

repositories:
  # The name that commands, mails and the journal use. There can be several repositories.
  nightly:
    # Where restic's repository is: user@host:path, seen from rrsync's folder on serverA; an absolute path here; or
    # sftp://user@host/path, a read-only sshfs mount for a serverA whose account has only sftp.
    source: backup@serverA:/
    # The copy on this machine, which can only grow. "rsync-ratchet init nightly" makes it.
    replica: /srv/replica/nightly

    ssh:
      # Its port; without it what ssh_config says of the host, else 22.
      #port: 22
      # The private key, and the file that has serverA's host key; without them ssh uses its own defaults.
      #identityFile: /etc/rsync-ratchet/id_ed25519
      #knownHostsFile: /etc/rsync-ratchet/known_hosts
      # More ssh options, as after -o, such as [ServerAliveInterval=30]. What protects (BatchMode,
      # StrictHostKeyChecking, no forwarding, no agent) stays as it is.
      options: []

    rsync:
      # The program here and the one on serverA.
      path: rsync
      remotePath: rsync
      # At most this much per second.
      #bandwidthLimit: 20MB
      # Whether rsync runs inside bubblewrap: auto (where it is installed), require, or off.
      sandbox: auto

    timeouts:
      # To log in; without any progress; for audit and fetch; for restic's proof, and as long again for what it is
      # asked before files expire; for restic's check. Each at most 7d.
      connect: 30s
      stall: 10m
      run: 12h
      prove: 6h
      check: 6h

    # How long a file stays here after a deletion was accepted: a time, 0, or forever.
    deletionGrace: 30d

    # When deletions are expected, every week. Outside of such a window a deletion is an alarm.
    #pruneWindows:
      #- days: [sun]
        #from: "01:00"
        #to: "07:00"
        #timezone: Europe/Berlin
        #maxDeletions: 5000

    limits:
      # More new files or bytes than this in one night is an alarm: what may never delete can be filled up.
      newFiles: 200000
      newBytes: 500GB
      # What must stay free on the disk: a percentage or a size.
      minFree: 5%
      # How many files of which only the time changed are fetched and compared.
      suspects: 100

    # How many old files are fetched at random each night and compared.
    spotCheck: 5

    # Names of files or folders on serverA that are known not to belong to restic, such as [".DS_Store", "._*", "*.bak"]: literal,
    # or with one * at the beginning or the end; never what could match a name of restic's.
    ignore: []

    # For this one in place of alerts.freshness.
    #freshness: 35d

    restic:
      path: restic
      # With the repository's password restic itself can prove and check what comes in. Closed to others (chmod 600).
      #passwordFile: /etc/rsync-ratchet/nightly.password
      # Whether restic opens the repository before anything is admitted: true, false, or unisolated (without a sandbox).
      prove: true
      # What restic's memory tries to stay below, and ends a quarter above: a large repository needs more, a small machine has less.
      memory: 4GiB
      # How often to check, and in how many parts: each check reads the next part. Needs the passwordFile.
      #check:
        #every: 7d
        #readDataSubset: 30

# Whom to tell. Without this nobody is.
#alerts:
  #email:
    #from: ratchet@serverB
    #to: [ops@example.org]
    # How to send. In place of smtp there can be "sendmail: /usr/sbin/sendmail" (a program on this machine; with arguments
    # "sendmail: [/usr/bin/msmtp, -a, work]") or "directory: /var/spool/rsync-ratchet" (each mail becomes an .eml file there).
    #smtp:
      #host: localhost
      #port: 25
      # Encryption: required (with a valid certificate), opportunistic (when the server offers it; a login is never sent
      # over a network that way), implicit (TLS from the first byte, as port 465 has it anyway), or none.
      #tls: opportunistic
      # The name with which the server is greeted (EHLO); by default the full name of this machine.
      #name: serverb.example.org
      # The login, if the server wants one: both or neither.
      #user: ratchet
      #passwordFile: /etc/rsync-ratchet/smtp.password
    # Whether good nights are mailed too: never, always, or recovery (the first good one after a bad one).
    #onSuccess: never
  # Warn when no new snapshot has come for this long.
  #freshness: 48h

#monitoring:
  # A file with the address of a healthchecks-style monitor, which hears of each sync. Closed to others (chmod 600).
  #ping:
    #urlFile: /etc/rsync-ratchet/ping.url
    # Whether it is also told which rules were broken, and how often.
    #findings: false
    # How it is told: healthchecks (/start, the address, /fail), or kuma (?status=up or down, and msg).
    #style: healthchecks
  # Figures for Prometheus's node exporter (its --collector.textfile.directory).
  #metricsFile: /var/lib/prometheus/node-exporter/rsync_ratchet.prom
`;
