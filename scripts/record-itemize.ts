/**
 * Makes source and replica of each night in test/support/nights.ts, runs the real rsync of this machine with the
 * arguments of the audit, and writes its three reports to FOLDER/<night>.<rsync version>.txt (fixtures/itemize).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { passes } from '../src/layout.ts';
import { auditArguments } from '../src/audit/dry-run.ts';
import { nonce } from '../test/support/itemized.ts';
import { makeTree } from '../test/support/makeTree.ts';
import { nights, type NamedNight } from '../test/support/nights.ts';
import { recordingName, separator } from '../test/support/recordings.ts';
import { repositoryConfig } from '../test/support/repositoryConfig.ts';
import { removeTree, temporaryFolder } from '../test/support/temporary.ts';

const target = process.argv[2] ?? 'fixtures/itemize';
const version = /version (\S+)/.exec(execFileSync('rsync', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';

/** What rsync prints in the three passes, each behind its separator. */
function record(night: NamedNight): Buffer {
  const folder = temporaryFolder();
  const [source, replica, home] = [join(folder, 'source'), join(folder, 'replica'), join(folder, 'home')];
  makeTree(source, night.source);
  makeTree(replica, night.replica);
  const repository = repositoryConfig({ ignore: night.ignore });
  const connection = {
    source: `${source}/`,
    channels: undefined,
    readable: [],
    held: [],
    stderr: () => '',
    close: () => Promise.resolve(),
  };
  const reports = passes.flatMap((pass) => {
    const ended = spawnSync('rsync', auditArguments(repository, connection, pass, nonce, replica), {
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH'], HOME: home },
    });
    if (ended.status !== 0)
      throw new Error(
        `${night.name}, pass ${pass}: exit code ${ended.status ?? ended.signal ?? 'none'}: ${ended.stderr.toString()}`,
      );
    return [Buffer.from(separator(pass)), ended.stdout];
  });
  removeTree(folder);
  return Buffer.concat(reports);
}

mkdirSync(target, { recursive: true });
for (const night of nights) writeFileSync(join(target, recordingName(night.name, version)), record(night));
process.stdout.write(`${nights.length} nights of rsync ${version} recorded in ${target}\n`);
