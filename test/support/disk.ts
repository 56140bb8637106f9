/** Disks that are full, read-only or of another make, for one run of the program. */
import { spawn } from 'node:child_process';
import { program } from './cli.ts';
import type { Judged, Night } from './night.ts';
import { withoutRootPowers } from './sshd.ts';

export interface DiskOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The program without root's power to read and write what modes forbid. */
  readonly powerless?: boolean;
}

/**
 * `sync --json` after a shell script, in a mount namespace of its own: whatever it mounts goes away with the run. In the
 * script `$1` is the night's folder; `on_disk NAME OPTIONS` puts `NAME` in there on a tmpfs. What the replica held at the
 * end is in `folder/after`.
 */
export async function syncOnDisk(night: Night, script: string, { env = {}, powerless = false }: DiskOptions = {}): Promise<Judged> {
  const whole = `set -e
    on_disk() { cp -a "$folder/$1" "$folder/aside-$1"; mount -t tmpfs -o "mode=0700,$2" tmpfs "$folder/$1"; cp -a "$folder/aside-$1/." "$folder/$1"; rm -rf "$folder/aside-$1"; }
    folder=$1
    ${script}
    set +e; ${powerless ? withoutRootPowers('') : ''} "$2" "$3" --config "$folder/config.yaml" --json sync; code=$?
    rm -rf "$folder/after"; mkdir "$folder/after"; cp -a "$folder/replica/." "$folder/after"; exit $code`;
  const own = process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount'];
  const child = spawn('unshare', [...own, 'sh', '-c', whole, 'sh', night.folder, process.execPath, program], {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: night.folder, TZ: 'UTC', TMPDIR: night.temporary, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map(async (pipe) => Buffer.concat(await pipe.toArray()).toString()));
  const code = await new Promise<number | null>((resolve) => { if (child.exitCode !== null) resolve(child.exitCode); else child.once('exit', resolve); });
  const json = () => JSON.parse(stdout ?? '') as { runs: unknown[] };
  try {
    return { code, signal: null, stdout: stdout ?? '', stderr: stderr ?? '', json, run: json().runs[0] };
  } catch {
    throw new Error(`exit ${code}: ${stdout}${stderr}`);
  }
}
