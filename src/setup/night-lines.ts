/** What cron and a user's own systemd are told: lines and units, made of one command. */

/** Who is started, and how. */
export interface Nightly {
  /** The program: the words before its own options. */
  readonly program: readonly string[];
  /** Where it finds rsync, ssh and restic: folders. */
  readonly path: readonly string[];
  /** Named only where it is not the usual one. */
  readonly config: string | undefined;
  readonly state: string;
  /** The repositories; none: all. */
  readonly names: readonly string[];
}

/** The hour of the sample: one at which backups are usually done. */
const hour = '27 1 * * *';

/** Two lines of a crontab; `user`: whose they are, where the file says so. */
export function cronLines(nightly: Nightly, user?: string): string {
  const begin = (when: string): string => `${when} ${user === undefined ? '' : `${user} `}`;
  const path = `PATH=${shellWord(nightly.path.join(':'))}`;
  const command = (...words: readonly string[]): string =>
    [path, ...[...nightly.program, ...options(nightly), '--quiet', ...words].map(shellWord)].join(' ');
  const waiting = `ls ${shellWord(nightly.state)}/spool/*.json >/dev/null 2>&1 &&`;
  return [
    `${begin(hour)}umask 077; ${command('sync', ...nightly.names)}`,
    `${begin('*/15 * * * *')}umask 077; ${waiting} ${command('alert', 'flush')}`,
  ]
    .map((line) => `${line.replaceAll('%', '\\%')}\n`)
    .join('');
}

/** The units of a user's own systemd, by their names. */
export function userUnits(nightly: Nightly): Readonly<Record<string, string>> {
  const path = `Environment=${unitWord(`PATH=${nightly.path.join(':')}`)}`;
  const service = (what: string, condition: string, ...words: readonly string[]): string =>
    `# Made by rsync-ratchet setup.
[Unit]
Description=${what}
Documentation=man:rsync-ratchet(1)
${condition}
[Service]
Type=oneshot
${path}
ExecStart=${command([...nightly.program, ...options(nightly), '--quiet', ...words])}
SuccessExitStatus=4 75 143 SIGTERM
UMask=0077
TimeoutStartSec=infinity
Nice=10
`;
  const timer = (what: string, when: string): string =>
    `# Made by rsync-ratchet setup.
[Unit]
Description=${what}

[Timer]
${when}

[Install]
WantedBy=timers.target
`;
  const waiting = `ConditionPathExistsGlob=${nightly.state.replaceAll('%', '%%')}/spool/*.json\n`;
  return {
    'rsync-ratchet.service': service('Pull restic repositories, append only', '', 'sync', ...nightly.names),
    'rsync-ratchet.timer': timer(
      'Pull restic repositories, append only, every night',
      'OnCalendar=*-*-* 01:27:00\nRandomizedDelaySec=10m\nPersistent=yes',
    ),
    'rsync-ratchet-flush.service': service('Try again to send the alerts of rsync-ratchet', waiting, 'alert', 'flush'),
    'rsync-ratchet-flush.timer': timer('Try again to send the alerts of rsync-ratchet', 'OnCalendar=*:07/15'),
  };
}

/** A crontab with these lines at its end; all that is there stays as it is, byte for byte. */
export function crontabWith(text: string, lines: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${lines}`;
}

function options({ config }: Nightly): string[] {
  return config === undefined ? [] : ['--config', config];
}

function shellWord(word: string): string {
  return /^[\w./@+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A word of a unit's setting: no specifier, and no end of the word within. */
export function unitWord(word: string): string {
  const plain = word.replaceAll('%', '%%');
  return /^[\w./@+=:,%$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/[\\"]/g, '\\$&')}"`;
}

/** The words of a command; behind the first, `$` begins a variable. */
function command([program = '', ...words]: readonly string[]): string {
  return [program, ...words.map((word) => word.replaceAll('$', '$$$$'))].map(unitWord).join(' ');
}
