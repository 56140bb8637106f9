/** The chapter for the worst day, followed word for word: each line of each block is typed, in order, with places of the test in the place of its own. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { program } from '../support/cli.ts';
import { pageText } from '../support/manual.ts';
import { type Night, overwrite, type ServerA, startServerA } from '../support/night.ts';
import { assertInStep, repositoryFiles } from '../support/prune.ts';
import { isReleaseCheck } from '../support/release.ts';
import { openRepository, writeFiles } from '../support/restic.ts';
import { temporaryFolder } from '../support/temporary.ts';

let serverA: ServerA;
/** On serverA restic asks for no password: who types one there is not of this test. */
const there = temporaryFolder();
before(async () => {
  writeFileSync(join(there, 'password'), 'open sesame\n');
  writeFileSync(join(there, 'restic'), `#!/bin/sh\nRESTIC_PASSWORD_FILE=${there}/password exec ${which('restic')} "$@"\n`);
  chmodSync(join(there, 'restic'), 0o755);
  const path = process.env['RATCHET_SERVER_PATH'];
  process.env['RATCHET_SERVER_PATH'] = `${there}:${path ?? process.env['PATH'] ?? ''}`;
  serverA = await startServerA();
  if (path === undefined) delete process.env['RATCHET_SERVER_PATH'];
  else process.env['RATCHET_SERVER_PATH'] = path;
});
after(() => serverA.stop());

/** The lines of the blocks below a heading of the chapter. */
function linesOf(heading: string): string[] {
  const section = pageText('src/manual/restore.md').split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? assert.fail(heading);
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block.trimEnd().split('\n'));
}

/** A machine on which the chapter's names mean something: `rsync-ratchet`, `restic`, `ssh`, its folders, its users. */
interface Stage extends Night {
  /** A path of the chapter, in the test. */
  at(path: string): string;
  /** Types the lines below a heading; what each printed. */
  follow(heading: string): Promise<string[]>;
}

async function stage(t: Parameters<ServerA['night']>[0]): Promise<Stage> {
  const password = { restic: { passwordFile: 'nightly.password' } };
  const night = await serverA.night(t, { changes: { repositories: { nightly: password } } });
  const source = night.repository.path;
  writeFileSync(join(night.folder, 'nightly.password'), readFileSync(night.repository.passwordFile), { mode: 0o600 });
  const places: Readonly<Record<string, string>> = {
    '/srv/replica/nightly': night.replica, '/srv/replica': dirname(night.replica), '/srv/restic': source, '/var/lib/rsync-ratchet': night.config.state,
    '/etc/rsync-ratchet/nightly.password': join(night.folder, 'nightly.password'), ' -o ratchet -g ratchet': '', ' -o backup -g backup': '',
    '/srv/': `${night.folder}/srv/`, '/root/': `${night.folder}/root/`, '/mnt/disk/': `${night.folder}/mnt/disk/`,
  };
  const named = new RegExp(Object.keys(places).join('|'), 'g'); // the longest of those that begin alike first
  const at = (line: string): string => line.replace(named, (place) => places[place] ?? '');
  assert.ok([0, 4].includes((await night.sync()).code ?? -1)); // what came without a password is unread, which is told once
  for (const name of ['root', 'mnt/disk', 'srv/restored']) mkdirSync(join(night.folder, name), { recursive: true });
  const bin = binFor(night);
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: night.folder, TMPDIR: night.temporary, RESTIC_PASSWORD_FILE: join(night.folder, 'nightly.password') };
  const follow = async (heading: string): Promise<string[]> => {
    const said: string[] = [];
    for (const line of linesOf(heading)) {
      const code = Number(/# exit (\d+)$/.exec(line)?.[1] ?? 0);
      const ended = await shell(at(line), env);
      assert.equal(ended.code, code, `${line}\n${at(line)}\n${ended.said}`);
      said.push(ended.said);
    }
    return said;
  };
  return { ...night, at, follow };
}

/** Programs by the names that the chapter types. serverA and the client are the same sshd; what restic there needs it is told. */
function binFor(night: Night): string {
  const bin = join(night.folder, 'bin');
  mkdirSync(bin);
  const { host, port, identityFile, knownHostsFile } = serverA.sshd.accounts.shell;
  const config = join(bin, 'config');
  writeFileSync(config, `Host serverA client\n  HostName ${host}\n  Port ${port}\n  IdentityFile "${identityFile}"\n  IdentitiesOnly yes\n  HostKeyAlias [${host}]:${port}\n  UserKnownHostsFile "${knownHostsFile}"\n`);
  const scripts = {
    'rsync-ratchet': `exec '${process.execPath}' '${program}' --config '${night.config.file}' "$@"`,
    ssh: `exec ${which('ssh')} -F '${config}' "$@"`,
    scp: `exec ${which('scp')} -F '${config}' "$@"`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

function which(name: string): string {
  return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
}

function shell(line: string, env: Readonly<Record<string, string>>): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const child = execFile('bash', ['-o', 'pipefail', '-c', line], { env, timeout: 300_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: stdout + stderr });
    });
    child.stdin?.end(); // what asks gets no answer
  });
}

/** A snapshot with a file of Ann's, in the replica too. */
async function annsReport(night: Stage): Promise<void> {
  const home = join(night.folder, 'clients');
  writeFiles(join(home, 'home/ann'), { 'report.txt': 'all is well' });
  await night.repository.run(['backup', '.'], home);
  assert.equal((await night.sync()).code, 0);
}

/** One of each kind is in every run, the rest in the release check: a section takes seconds. */
function longer(name: string, work: (t: TestContext) => Promise<void>): void {
  if (isReleaseCheck) test(name, work);
}

test('one file: found, taken out, and a folder restored', async (t) => {
  const night = await stage(t);
  await annsReport(night);
  const said = await night.follow('One file');
  assert.match(said[1] ?? '', /home\/ann\/report\.txt/);
  assert.equal(readFileSync(join(night.folder, 'root/report.txt'), 'utf8'), 'all is well');
  assert.equal(readFileSync(join(night.folder, 'srv/restored/home/ann/report.txt'), 'utf8'), 'all is well');
});

longer('everything to a new machine: through a pipe, and as a repository of its own', async (t) => {
  const night = await stage(t);
  await annsReport(night);
  await night.follow('Everything, to a new machine');
  for (const place of ['restored', 'everything'])
    assert.equal(readFileSync(join(night.folder, 'srv', place, 'home/ann/report.txt'), 'utf8'), 'all is well', place);
});

test('serverA burnt down: the repository is there again, and the next night finds nothing to do', async (t) => {
  const night = await stage(t);
  rmSync(night.repository.path, { recursive: true });
  const said = await night.follow('serverA burnt down');
  assert.match(said.at(-1) ?? '', /nothing new/);
  await assertInStep(night);
});

test('serverA encrypted by an attacker: given back, the alarm lowered, the next night green', async (t) => {
  const night = await stage(t);
  const source = night.repository.path;
  for (const path of repositoryFiles(source)) {
    overwrite(join(source, path), 'encrypted');
    renameSync(join(source, path), join(source, `${path}.locked`));
  }
  writeFileSync(join(source, 'how to pay.locked'), 'pay');
  assert.equal((await night.sync()).code, 3);
  await assert.rejects(night.repository.check());
  const said = await night.follow('serverA was encrypted by an attacker');
  assert.match(said[2] ?? '', /only there: +\d+ names, left alone\n.*\.locked/s);
});

longer('serverB\'s disk died too: a new replica, by what serverA has', async (t) => {
  const night = await stage(t);
  rmSync(night.replica, { recursive: true });
  const said = await night.follow('serverB\'s disk died too');
  assert.match(said[1] ?? '', /a replica of this name was there before/);
  await assertInStep(night);
});

longer('the password is lost, but serverB has it: a second one, and both open the replica', async (t) => {
  const night = await stage(t);
  writeFileSync(join(night.folder, 'root/new.password'), 'another one\n');
  await night.follow('The password is lost');
  const replica = openRepository(night.replica);
  assert.equal((await replica.run(['key', 'list', '--no-lock', '--password-file', join(night.folder, 'root/new.password')])).match(/^[ *][0-9a-f]{8} /gm)?.length, 2);
  await assertInStep(night);
});

test('the state folder is lost: new books over the files that are there', async (t) => {
  const night = await stage(t);
  const before = night.replicaNow();
  rmSync(night.config.state, { recursive: true });
  const { code, run } = await night.sync();
  assert.deepEqual([code, run.error.message.includes('its journal is missing')], [1, true]);
  const said = await night.follow('The state folder is lost');
  assert.match(said[2] ?? '', /existing copy adopted/);
  const itself = (line: string): boolean => line.startsWith('. folder'); // its own folder has changed in it
  assert.deepEqual(night.replicaNow().filter((line) => !itself(line)), before.filter((line) => !itself(line)));
});

test('each section has a test, and nothing here follows what the chapter does not say', () => {
  const all = [...pageText('src/manual/restore.md').matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
  const headings = all.filter((heading) => linesOf(heading).length > 0);
  const followed = [...readFileSync(new URL(import.meta.url), 'utf8').matchAll(/night\.follow\('(.+)'\)/g)].map(([, heading = '']) => heading.replace('\\\'', '\''));
  assert.deepEqual(followed, headings);
});
