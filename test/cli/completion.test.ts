/** The completion, sourced in real shells: in bash always, in zsh and fish where they are installed. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { wholePage } from '../../scripts/man-pages.ts';
import { allCommands } from '../../scripts/command-page.ts';
import { completionScript } from '../../scripts/completion-script.ts';
import { program, ratchet } from '../support/cli.ts';
import { writeConfig } from '../support/config.ts';
import { type Night, type ServerA, startServerA } from '../support/night.ts';
import { temporaryFolder } from '../support/temporary.ts';

const isInstalled = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const folder = temporaryFolder();
const bin = join(folder, 'bin');
let file = '';
before(async () => {
  mkdirSync(bin);
  writeFileSync(join(bin, 'rsync-ratchet'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(join(bin, 'rsync-ratchet'), 0o755);
  file = writeConfig(folder, '/nonexistent', { repositories: { weekly: { source: '/other', replica: join(folder, 'weekly') } } }).file;
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await ratchet(['completion', shell]);
    assert.deepEqual([code, stderr], [0, '']);
    writeFileSync(join(folder, shell), stdout);
  }
});

/** How a shell is asked for completions of a line that ends where the cursor is: one on each line of its answer. */
const askers: Readonly<Record<string, (line: string) => string[]>> = {
  bash: (line) => ['--norc', '-c', `source ${folder}/bash
    read -ra COMP_WORDS <<< ${JSON.stringify(line)}
    [[ ${JSON.stringify(line)} != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
    _rsync_ratchet 2>/dev/null
    printf '%s\\n' "\${COMPREPLY[@]}"`],
  // Without a terminal zsh's own completion does not run: what ours would hand to it is printed.
  zsh: (line) => ['-c', `compdef() {}; compadd() { print -rl -- \${(P)2}; }; _describe() { print -rl -- \${\${(P)2}%%:*}; }; _files() { print -rl -- *; }
    source ${folder}/zsh
    line=${JSON.stringify(line)}; words=(\${=line}); [[ $line != *' ' ]] || words+=('')
    CURRENT=$#words
    _rsync_ratchet`],
  fish: (line) => ['--no-config', '-c', `source ${folder}/fish; complete -C ${JSON.stringify(line)} | string replace -r '\\t.*' ''; or true`],
};

function completions(shell: string, line: string, config = file): string[] {
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: folder, RSYNC_RATCHET_CONFIG: config };
  return execFileSync(shell, askers[shell]?.(line) ?? [], { env, encoding: 'utf8', cwd: folder }).split('\n').filter((one) => one !== '' && one.startsWith(line.split(' ').at(-1) ?? '')).sort();
}

const commands = ['acknowledge', 'alert', 'audit', 'check', 'completion', 'config', 'demo', 'doctor', 'history', 'init', 'prune-window', 'scrub', 'status', 'sync', 'tombstones'];

for (const shell of Object.keys(askers).filter(isInstalled)) {
  describe(`in ${shell}`, () => {
    const rows: [line: string, expected: readonly string[]][] = [
      ['rsync-ratchet sy', ['sync']],
      ['rsync-ratchet config ', ['generate', 'schema', 'validate']],
      ['rsync-ratchet tombstones k', ['keep']],
      ['rsync-ratchet --quiet prune-window ', ['close', 'open', 'status', 'toggle']],
      ['rsync-ratchet sync ', ['nightly', 'weekly']],
      ['rsync-ratchet sync nightly w', ['weekly']],
      ['rsync-ratchet init n', ['nightly']],
      ['rsync-ratchet tombstones keep --run x ', ['nightly', 'weekly']],
      ['rsync-ratchet --config nowhere.yaml status ', []],
      ['rsync-ratchet sync --no-l', ['--no-limits']],
      ['rsync-ratchet sync --js', ['--json']],
      ['rsync-ratchet prune-window open --all', ['--allow-keys']],
      ['rsync-ratchet completion ', ['bash', 'fish', 'zsh']],
      ['rsync-ratchet help rest', ['restic', 'restic.md', 'restore']],
      ['rsync-ratchet help comp', ['comparison', 'completion']],
      ['rsync-ratchet explain over', ['over-budget', 'over-limit']],
      ['rsync-ratchet explain deleted n', ['nightly']],
      ['rsync-ratchet --config conf', ['config.yaml']],
      ['rsync-ratchet tombstones keep nightly --run ', []],
    ];
    for (const [line, expected] of rows) test(line, () => assert.deepEqual(completions(shell, line), expected));

    test('every command is offered, and the hidden one is not', () => {
      const offered = completions(shell, 'rsync-ratchet ');
      assert.deepEqual(commands.filter((name) => !offered.includes(name)), []);
      assert.ok(!offered.includes('complete'));
    });

    test('every option of every command is offered', async () => {
      for (const { path, options } of allCommands(wholePage())) {
        const offered = completions(shell, `rsync-ratchet ${path}${path === '' ? '' : ' '}--`);
        assert.deepEqual(options.map(({ long }) => long).filter((long) => !offered.includes(long)), [], path);
      }
    });

    test('a broken configuration completes nothing and says nothing', () => {
      writeFileSync(join(folder, 'broken.yaml'), 'nonsense', { mode: 0o600 });
      assert.deepEqual(completions(shell, 'rsync-ratchet sync ', join(folder, 'broken.yaml')), []);
    });
  });
}

test('a description with quotes stays one word', async () => {
  const odd = wholePage();
  const page = { ...odd, commands: [{ ...odd.commands[0]!, description: "it's $(touch x) `y` \\" }] };
  assert.ok(completionScript(page, 'zsh').includes("'init:it'\\''s $(touch x) `y` \\'"));
  assert.ok(completionScript(page, 'fish').includes("-d 'it\\'s $(touch x) `y` \\\\'"));
});

describe('runs', () => {
  let serverA: ServerA;
  let night: Night;
  before(async () => { serverA = await startServerA(); });
  after(() => serverA.stop());

  test('those whose deletions can still be kept', async (t) => {
    night = await serverA.night(t);
    assert.equal((await night.run(['prune-window', 'open', 'nightly', '--reason', 'test'])).code, 0);
    const [oldest] = await night.repository.snapshots();
    await night.repository.forget([oldest?.id ?? ''], { prune: false });
    const { run } = await night.sync();
    assert.equal(run.tombstones.added, 1, JSON.stringify(run));
    assert.deepEqual(completions('bash', 'rsync-ratchet tombstones keep nightly --run ', night.config.file), [run.runId]);
    assert.deepEqual(completions('bash', `rsync-ratchet --config ${night.config.file} tombstones keep --run `, '/nowhere'), [run.runId]);
    assert.equal((await night.run(['tombstones', 'keep', 'nightly', '--run', run.runId])).code, 0);
    assert.deepEqual(completions('bash', 'rsync-ratchet tombstones keep nightly --run ', night.config.file), []);
  });
});
