/** What serverA runs in place of a plain `rrsync -ro`: scripts that wait, hold back or break off where a test wants it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { watchFor } from './watch.ts';

/** Where a script of serverA waits. */
export interface Gate {
  /** Resolves when the script has come here. */
  readonly reached: Promise<unknown>;
  /** Lets it go on; resolves when it does. */
  open(): Promise<void>;
}

/**
 * A line of shell that waits until the client speaks, and fails where it never does: channels are opened before their turn,
 * so a call begins with the client's first byte. Nothing is read: FIONREAD says how much there is.
 */
export const whenSpokenTo = `perl -e 'vec($r, 0, 1) = 1; select $r, undef, undef, undef; ioctl STDIN, 0x541B, $n = pack "i", 0; exit !unpack "i", $n'`;

/** Writes the forced command: the nth call runs the nth script, others `serve` by that command; script 0 is for who never speaks. `gates` begins empty. */
export function writeScript(forced: string, gates: string, serve: string, calls: Readonly<Record<number, string>>): void {
  rmSync(gates, { recursive: true, force: true });
  mkdirSync(gates);
  writeFileSync(join(gates, 'calls'), '0');
  const { 0: unspoken = ':', ...spoken } = calls;
  const cases = Object.entries(spoken).map(([n, script]) => `${n}) ${script} ;;`);
  const lines = [
    '#!/bin/sh', `cd ${gates}`,
    `serve() (${serve})`,
    'wait_at() { : > "$1.reached"; read -r _ < "$1"; }',
    // Unbuffered: what head holds back, the other side waits for.
    'cut_after() { trap : TERM; serve | { stdbuf -o0 head -c "$1"; kill 0; }; }',
    'hold_after() { serve | { stdbuf -o0 head -c "$1"; wait_at "$2"; cat; }; }',
    'echo started >> happened',
    `${whenSpokenTo} || { ${unspoken}; exit 0; }`,
    'n=$(($(cat calls) + 1)); echo $n > calls; echo called $n >> happened',
    'trap : TERM', // cut_after ends the whole group, and how the call ended is still to be told
    '(', 'case $n in', ...cases, '*) serve ;;', 'esac', ')',
    'code=$?; echo ended $n >> happened; exit $code',
  ];
  rmSync(forced, { force: true }); // A shell may still read the one of the test before.
  writeFileSync(forced, `${lines.join('\n')}\n`, { mode: 0o700 });
}

/** Makes a place where a script can wait. */
export function gateIn(gates: string, name: string): Gate {
  const fifo = join(gates, name);
  execFileSync('mkfifo', [fifo]);
  const reached = watchFor(gates, () => existsSync(`${fifo}.reached`));
  reached.catch(() => undefined); // Who only opens it need not wait for it.
  return { reached, open: () => writeFile(fifo, '\n') };
}
