/** What decides whether bubblewrap can make a room, as far as we can see it without asking. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Of } from '../state/sha256.ts';
import { findProgram } from './process.ts';

/** The kernel since its start, how many namespaces it allows, and what confines us. */
const settings = [
  '/proc/sys/kernel/random/boot_id',
  '/proc/sys/kernel/unprivileged_userns_clone',
  '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
  '/proc/self/attr/current',
];
const limits = '/proc/sys/user';
const namespaces = ['user', 'pid', 'net'].map((name) => `/proc/self/ns/${name}`);

/**
 * All of it as one word; undefined where there is no bubblewrap. What we cannot see (an edit of a security module's rules)
 * is seen by the first program that is to run in the room.
 */
export function roomDependsOn(): string | undefined {
  const bubblewrap = orNothing(() => findProgram('bwrap', 'bubblewrap'));
  if (bubblewrap === '') return undefined;
  const { size, mtimeMs } = statSync(bubblewrap);
  const seen = [
    [bubblewrap, size, mtimeMs, process.getuid?.()],
    settings.map(textOf),
    orNothing(() =>
      readdirSync(limits)
        .map((name) => `${name} ${textOf(join(limits, name))}`)
        .join(),
    ),
    namespaces.map((path) => orNothing(() => readlinkSync(path))),
    textOf('/proc/self/status').match(/^(CapPrm|CapBnd|NoNewPrivs|Seccomp|Seccomp_filters):.*$/gm),
    mountsOf('/proc'),
  ];
  return `room ${sha256Of(JSON.stringify(seen))}`;
}

/** What is mounted there and below, without the numbers that are new each time: a hidden part of /proc forbids a new one. */
function mountsOf(folder: string): string[] {
  return textOf('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' ').slice(3).join(' '))
    .filter((line) => line.split(' ')[1]?.startsWith(folder));
}

function textOf(path: string): string {
  return orNothing(() => readFileSync(path, 'latin1'));
}

/** A kernel without it says nothing. */
function orNothing(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}
