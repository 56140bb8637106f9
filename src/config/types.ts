import type { Replica } from '../replica-path.ts';

/** What a configuration says, with every default filled in. Times are milliseconds, sizes bytes, paths absolute. */
export interface Config {
  /** The folder for journals, tombstones and the mail spool; undefined: the default of the machine or the user. */
  state: string | undefined;
  /** At least one; names and replicas are unique. */
  repositories: Repository[];
  alerts: Alerts;
  monitoring: Monitoring;
}

/** One restic repository: where it comes from, where its replica lies, and what may happen in a night. */
export interface Repository {
  /** Letters, digits, `.`, `_`, `-`; begins with a letter or digit; at most 64 characters. */
  name: string;
  source: Source;
  /** Not inside another replica. */
  replica: Replica;
  /** `options` are values for `-o`, such as `ServerAliveInterval=15`. */
  ssh: { port?: number; identityFile?: string; knownHostsFile?: string; options: string[] };
  /** Programs are absolute paths, or names for PATH to find; `bandwidthLimit` is bytes per second. */
  rsync: { path: string; remotePath: string; bandwidthLimit?: number; sandbox: 'auto' | 'require' | 'off' };
  /** Milliseconds, each above 0 and at most seven days. `run` is for audit and fetch, `prove` for restic's proof and once more for expiry. */
  timeouts: { connect: number; stall: number; run: number; prove: number; check: number };
  /** Milliseconds between a confirmed tombstone and the end of its file; 0: the same run. */
  deletionGrace: number | 'forever';
  pruneWindows: PruneWindowRow[];
  /** What one night may bring at most, and what the disk must keep free after it. `percent` is 0 to below 100. */
  limits: { newFiles: number; newBytes: number; minFree: MinFree; suspects: number };
  /** Files of serverA that a night fetches and hashes at random; 0: none. */
  spotCheck: number;
  /** In place of `alerts.freshness`, milliseconds. */
  freshness?: number;
  /** Base names, literal or with one `*` at the beginning or the end; none that could match one of restic's layout. */
  ignore: string[];
  /** `passwordFile` or `passwordCommand`, which prints it, or neither; `check` only with a password; `every` is milliseconds, one check reads one part of `readDataSubset`; `memory` is bytes. */
  restic: {
    path: string;
    passwordFile?: string;
    passwordCommand?: string[];
    hasPassword: boolean;
    prove: boolean | 'unisolated';
    memory: number;
    check?: { every: number; readDataSubset: number };
    /** Only with a password: how often, and at most how many files and bytes a drill restores. */
    drill?: { every: number | 'off'; files: number; bytes: number };
  };
}

export type MinFree = { percent: number } | { bytes: number };

/**
 * Where a repository comes from. `host` is bare, an IPv6 address without its brackets; what the configuration leaves
 * out (user, port) is absent. `path` of ssh and sftp is as written, `.` when nothing was written (the account's home).
 */
export type Source =
  | { kind: 'ssh'; user?: string; host: string; path: string }
  | { kind: 'local'; path: string }
  | { kind: 'sftp'; user?: string; host: string; port?: number; path: string };

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

/** A window that opens by itself: `from` and `to` are `HH:MM` in `timezone`; `to` before `from` is on the next day. */
export interface PruneWindowRow {
  days: Weekday[];
  from: string;
  to: string;
  timezone: string;
  maxDeletions: number;
}

export interface Email {
  from: string;
  to: string[];
  transport: Transport;
  /** Whether a good night mails as well: `recovery` is a good night after a bad one. */
  onSuccess: 'never' | 'always' | 'recovery';
}

export type Transport =
  | {
      kind: 'smtp';
      host: string;
      port: number;
      tls: 'required' | 'opportunistic' | 'implicit' | 'none';
      name?: string;
      user?: string;
      passwordFile?: string;
    }
  | { kind: 'sendmail'; path: string; args: string[] }
  | { kind: 'directory'; path: string };

/** `command`: a program and its arguments; `freshness`: milliseconds without a new snapshot after which a night warns; absent: never. */
interface Alerts {
  email?: Email;
  command?: string[];
  freshness?: number;
}

/** `findings`: whether a ping tells which rules were broken, and how often. */
export interface Monitoring {
  ping?: { urlFile: string; findings: boolean; style: 'healthchecks' | 'kuma' };
  metricsFile?: string;
}

/** A place in the file, both counted from 1; columns are UTF-16 units. */
export interface Position {
  line: number;
  column: number;
}

/**
 * Something wrong in a configuration. `key` is like `repositories.nightly.pruneWindows[0].from`, and empty when the
 * file as a whole is wrong; `message` says what is wrong and what would be right, on one line, safe to print.
 */
export interface Problem extends Position {
  key: string;
  message: string;
}

/** The way to a key: names in mappings, numbers in lists. */
export type KeyPath = readonly (string | number)[];

/**
 * A problem that does not know its line yet. `at` is what to point to: the key's value; the key itself; or, for a key
 * that is missing, the key that it should stand under.
 */
export interface Finding {
  path: KeyPath;
  at: 'value' | 'key' | 'parent';
  message: string;
}
