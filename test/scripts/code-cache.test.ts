import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { program } from '../support/cli.ts';
import { stage } from '../support/stage.ts';
import { temporaryFolder } from '../support/temporary.ts';

const codeCache = new URL('../../scripts/code-cache.cjs', import.meta.url).pathname;

/** Says of each script that V8 was given with what it had compiled before whether it took it. */
const probe = `
const vm = require('node:vm')
const { Script } = vm
vm.Script = class extends Script {
  constructor(code, options) {
    super(code, options)
    require('node:fs').appendFileSync(process.env.PROBE, options.cachedData ? (this.cachedDataRejected ? 'refused ' : 'taken ') : 'none ')
  }
}`;

test('what a night has compiled is taken by V8 in the next', async (t) => {
  const night = await stage(t);
  const folder = temporaryFolder(t);
  const [cache, probeFile, said] = ['code-cache.cjs', 'probe.cjs', 'said'].map((name) => join(folder, name)) as [string, string, string];
  copyFileSync(codeCache, cache);
  writeFileSync(probeFile, probe);
  const argv = ['--require', probeFile, '--require', cache, program, '--config', night.config().file, 'sync'];
  for (let n = 0; n < 3; n++) {
    const { status, stderr } = spawnSync(process.execPath, argv, { env: { PATH: process.env['PATH'], HOME: folder, PROBE: said }, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
  assert.equal(readFileSync(said, 'utf8'), 'none taken taken ');
});
