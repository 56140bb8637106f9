/** What starts a night, read from the lines of a crontab and from what systemd says of its timers. */

/** Something that starts nights. */
export interface Starter {
  /** The file, or the command that shows it. */
  readonly where: string;
  readonly by: 'cron' | 'timer' | 'user timer';
  /** As whom they run. */
  readonly user: string;
  /** The timer. */
  readonly unit?: string;
  /** The repositories that it names; none: all of the configuration. */
  readonly names: readonly string[];
  /** The configuration that it names. */
  readonly config: string | undefined;
  /** Why it starts none as it stands, and what mends that. */
  readonly missing?: readonly [words: string, mend: string];
}

/** Those that start nights of the repository. */
export function startersOf(starters: readonly Starter[], name: string): Starter[] {
  return starters.filter(({ names }) => names.length === 0 || names.includes(name));
}

type Night = Pick<Starter, 'names' | 'config'>;

/** What a command line runs a night for; undefined where it runs none. */
export function nightOf(command: string): Night | undefined {
  const [, before = '', behind = ''] =
    /^(.*rsync-ratchet.*?)\ssync(?=[\s;&|<>]|$)(.*)$/.exec(command) ??
    /^(.*?)(?:\/|\s|^)nightly\.sh(?=[\s;&|<>]|$)(.*)$/.exec(command) ??
    [];
  if (before === '' && behind === '' && !command.endsWith('nightly.sh')) return undefined;
  const words = behind.replace(/\d*[;&|<>].*$/, '').split(/\s+/);
  const names = words.filter((word) => /^\w/.test(word));
  const [, quoted, plain] = /\s--config[\s=](?:'((?:[^']|'\\'')*)'|(\S+))/.exec(before) ?? [];
  return { names, config: (quoted?.replaceAll("'\\''", "'") ?? plain)?.replaceAll('\\%', '%') };
}

const times =
  /^\s*(?:@(?:hourly|daily|midnight|weekly|monthly|annually|yearly)|(?:[\d*][\d*,/-]*\s+){3}[\w*,/-]+\s+[\w*,/-]+)\s+(.*)$/;

/** The nights of a crontab: lines with a time; comments, variables and `@reboot` start none. `user`: undefined where the lines name him. */
export function nightsOfCrontab(text: string, user?: string): (Night & { user: string })[] {
  return text.split('\n').flatMap((line) => {
    const behind = times.exec(line)?.[1] ?? '';
    const night = nightOf(behind);
    return night === undefined ? [] : [{ ...night, user: user ?? /^\S+/.exec(behind)?.[0] ?? '' }];
  });
}

/** The nights of a script that root's cron starts. */
export function nightsOfScript(text: string): (Night & { user: string })[] {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  return lines.flatMap((line) => nightOf(line.trim()) ?? []).map((night) => ({ ...night, user: 'root' }));
}

/** What `systemctl show` prints: a block for each unit, a line for each property; of a repeated one the last. */
export function unitsOf(shown: string): Readonly<Record<string, string>>[] {
  return shown
    .split('\n\n')
    .map((block) =>
      Object.fromEntries([...block.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value])),
    )
    .filter(({ Id }) => Id !== undefined);
}

/** The timers that start nights, of their properties and of those of the services that they start. `manager`: whose own systemd it is. */
export function nightsOfTimers(timers: string, services: string, manager?: string): Starter[] {
  const started = new Map(unitsOf(services).map((service) => [service['Id'], service]));
  return unitsOf(timers).flatMap(({ Id = '', Unit = '', ActiveState, UnitFileState }) => {
    const { ExecStart = '', User = '' } = started.get(Unit) ?? {};
    const night = nightOf(/argv\[\]=(.*?) ; ignore_errors=/.exec(ExecStart)?.[1] ?? '');
    if (night === undefined) return [];
    const by: Starter['by'] = manager === undefined ? 'timer' : 'user timer';
    const control = by === 'timer' ? 'systemctl' : 'systemctl --user';
    const missing = lame(Id, ActiveState, UnitFileState, `${control} enable --now ${Id}`);
    const user = manager ?? (User || 'root');
    return [{ where: `${control} list-timers ${Id}`, by, user, unit: Id, ...night, ...(missing && { missing }) }];
  });
}

function lame(
  timer: string,
  active: string | undefined,
  enabled: string | undefined,
  mend: string,
): Starter['missing'] {
  if (active !== 'active') return [`${timer} is not started`, mend];
  return enabled === 'disabled' ? [`${timer} runs, and will not after the next boot`, mend] : undefined;
}
