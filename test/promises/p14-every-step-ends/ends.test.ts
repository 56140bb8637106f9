/** Every step has an end: a program that hangs costs its time and no more, and the failure says which one it was. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { briefly } from '../../../src/programs/briefly.ts';
import { type Value } from '../../support/config.ts';
import { clockFor } from '../../support/hurry.ts';
import { judged } from '../../support/night.ts';
import { allEnded, processesOf } from '../../support/processes.ts';
import { addFile, stage } from '../../support/stage.ts';
import { watchFor } from '../../support/watch.ts';

/** What hangs, what the night says then, and what the repository's configuration has for it. */
const programs: readonly (readonly [name: string, words: RegExp, nightly: Readonly<Record<string, Value>>])[] = [
  ['sync', /could not be synced: sync was not done within 3600 s/, { rsync: { sandbox: 'off' } }],
  ['perl', /cannot lock .*: the process that tries it has ended/, { rsync: { sandbox: 'off' } }],
  ['bwrap', /bubblewrap does not work here: bwrap was not done within 10 s/, { rsync: { sandbox: 'require' } }],
];

describe('a program that hangs and takes no TERM fails the night in time, with its name', () => {
  for (const [name, words, nightly] of programs) {
    test(name, async (t) => {
      const s = await stage(t);
      const [bin, begun] = [join(s.folder, 'bin'), join(s.folder, 'begun')];
      for (const folder of [bin, begun]) mkdirSync(folder);
      // The source is listed at the same time, and has a time limit of its own: it must be done before an hour passes.
      const listing = join(s.folder, 'listing');
      writeFileSync(join(bin, 'find'), `#!/bin/sh\necho $$ > ${listing}\nPATH=${process.env['PATH'] ?? ''} exec find "$@"\n`, { mode: 0o755 });
      const listed = name === 'bwrap' ? `until [ -s ${listing} ] && [ ! -e "/proc/$(cat ${listing})" ]; do sleep 0.01; done\n` : '';
      writeFileSync(join(bin, name), `#!/bin/sh\ntrap '' TERM\n${listed}: > ${begun}/file\nexec sleep 86399\n`, { mode: 0o755 });
      s.configure(nightly);
      // So many that the whole file system is synced by one program.
      for (let k = 0; k < 300; k++) addFile(s.source, 'pack', `a new pack ${k}`);
      const before = s.replicaNow();
      const clock = clockFor(t, 'stall');
      const running = s.start(['--json', 'sync'], { env: { ...clock.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
      await watchFor(begun, () => existsSync(join(begun, 'file')));
      await clock.jumpUntilEnd(running);
      const { code, run } = await judged(running);
      assert.deepEqual([code, run.outcome, run.admitted.files], [1, 'failed', 0]);
      assert.match(run.error.message, words);
      assert.ok(run.error.hint.length > 20);
      assert.deepEqual(s.replicaNow(), before);
      await allEnded(processesOf(s.folder));
    });
  }
});

describe('a small program', () => {
  const shell = (script: string, patience: number, interrupt?: AbortSignal) => briefly('sh', ['-c', script], patience, interrupt);

  test('is heard to its end', async () => {
    assert.deepEqual(await shell('echo out; echo err >&2; exit 3', 60_000), { code: 3, stdout: 'out', stderr: 'err' });
  });

  test('that is not there says why', async () => {
    const { code, stderr } = await briefly('/nonexistent/program', [], 60_000);
    assert.equal(code, undefined);
    assert.equal(stderr, '/nonexistent/program is not installed');
  });

  test('that takes no TERM is ended at the end of its time, and when somebody interrupts', async () => {
    const late = { code: undefined, stdout: '', stderr: 'sh was not done within 0.1 s' };
    assert.deepEqual(await shell('trap "" TERM; exec sleep 600', 100), late);
    assert.equal((await shell('trap "" TERM; exec sleep 600', 60_000, AbortSignal.abort())).code, undefined);
    const interrupt = new AbortController();
    setImmediate(() => { interrupt.abort(); });
    assert.equal((await shell('trap "" TERM; exec sleep 600', 60_000, interrupt.signal)).code, undefined);
  });

  test('whose pipes somebody holds for ever is given up, with its name', async (t) => {
    const mark = `600.${process.pid}`;
    t.after(() => { for (const pid of processesOf(`sleep ${mark}`)) process.kill(pid, 'SIGKILL'); });
    await assert.rejects(shell(`setsid sleep ${mark} & exec sleep 600`, 100), /sh \(process \d+\) does not end, not even by KILL/);
  });
});
