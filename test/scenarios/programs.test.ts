/** How many programs a night starts on serverB (B13): each costs a small repository time, a cold machine more. The count is the same on each machine. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { program } from '../support/cli.ts';
import { type Night, type ServerA, startServerA } from '../support/night.ts';
import { provingNight } from '../support/proof.ts';

let serverA: ServerA;
before(async () => { serverA = await startServerA(); });
after(() => serverA.stop());

/** Runs a night under strace; the programs that it started, and what it came to. */
function started(night: Night, outcomes: readonly string[]): string[] {
  const log = join(night.folder, 'strace');
  const argv = ['-f', '-qq', '--seccomp-bpf', '-e', 'trace=execve', '-o', log, process.execPath, program, '--config', night.config.file, '--json', 'sync'];
  const { stdout, stderr } = spawnSync('strace', argv, { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', HOME: night.folder } });
  assert.ok(outcomes.includes(JSON.parse(stdout).runs[0].outcome), `${stdout}${stderr}`);
  return executed(readFileSync(log, 'utf8'));
}

/** The programs that a log of strace -f names; two processes that start one at once are told of in halves. */
function executed(log: string): string[] {
  const halves = new Map<string, string>();
  const programs: string[] = [];
  for (const line of log.split('\n')) {
    const pid = line.slice(0, line.indexOf(' '));
    const name = /execve\("[^"]*?([^/"]+)"/.exec(line)?.[1];
    if (name !== undefined) halves.set(pid, name);
    if (line.endsWith(' = 0')) programs.push(halves.get(pid) ?? line);
  }
  return programs;
}

/** The same by name, for whoever has to find out what has grown. */
function counted(programs: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of programs) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort().map(([name, count]) => `${name} ${count}`).join(', ');
}

for (const [what, outcome, most] of [['nothing new', 'unchanged', 26], ['a new backup and the password', 'synced', 60]] as const) {
  test(`a night with ${what} and a spot check starts at most ${most} programs on serverB`, async (t) => {
    const night = await provingNight(serverA, t, { spotCheck: 3 });
    if (outcome === 'synced') await night.repository.backup({ file: 'newer' }); // once only: the headers of all that is there are read
    started(night, ['synced', 'unchanged']); // learns what rsync asks for and that there is a room, with strace's filter as later, and does the first check
    if (outcome === 'synced') await night.repository.backup({ file: 'new' });
    const programs = started(night, [outcome]);
    assert.ok(programs.length <= most, `${programs.length}: ${counted(programs)}`);
  });
}
