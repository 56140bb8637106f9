/** scripts/setup and the packages of this machine: what it refreshes, installs and upgrades, with an apt-get that only pretends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/temporary.ts';

const script = new URL('../../scripts/setup', import.meta.url).pathname;
const day = 86_400_000;

/** Only root can pretend to be root: he makes /run/sshd as well. */
const whoever = process.getuid?.() === 0 ? 'root' : 'sudo';

/** What the machine is like. */
interface Machine {
  /** How old the package lists are, in days; none when undefined. */
  readonly lists?: number;
  /** Whether they are old ones that were copied here today. */
  readonly copied?: boolean;
  readonly network?: boolean;
  /** Whether the archive has an rsync that this machine's lists do not know yet, or know already. */
  readonly newer?: 'unknown' | 'known';
  readonly user?: 'root' | 'sudo' | 'ordinary';
  /** restic is not installed. */
  readonly missing?: boolean;
  readonly upgradeFails?: boolean;
}

/** What it did with apt-get, in a word each, what it said, and how it ended. */
interface SetUp {
  readonly did: string[];
  readonly said: string;
  readonly code: number | null;
}

/**
 * apt-get: `update` gives the lists today's date where there is a network, and ends with 0 where there is none, as the real
 * one does; `install` is remembered, and makes what was missing.
 */
const aptGet = `#!/bin/sh
dir=$(dirname "$0")
case "$*" in
  *' update '*) echo update >> "$dir/did"
    [ ! -e "$dir/network" ] || { printf 'Origin: Debian\\nDate: %s\\n' "$(date -u)" > "$dir/lists/x_InRelease"; [ ! -e "$dir/unknown" ] || mv "$dir/unknown" "$dir/known"; } ;;
  *-s*--only-upgrade*) [ ! -e "$dir/known" ] || echo 'Inst rsync [3.2.7-1] (3.5.0-1 Debian-Security:12/stable-security [amd64])' ;;
  *--only-upgrade*) echo "upgrade: \${*##*recommends }" >> "$dir/did"; [ ! -e "$dir/fails" ] || { echo 'E: broken' >&2; exit 100; }; rm "$dir/known" ;;
  *install*) echo "install: \${*##*recommends }" >> "$dir/did"; printf '#!/bin/sh\\necho restic 0.14.0\\n' > "$dir/restic"; chmod 755 "$dir/restic" ;;
esac
`;

function put(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text, { mode: 0o755 });
}

/** Makes such a machine out of this one; the returned function runs scripts/setup on it. */
function machine(t: TestContext, { lists, copied = false, network = true, newer, user = whoever, missing = false, upgradeFails = false }: Machine): (...args: string[]) => SetUp {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'lists'));
  if (lists !== undefined) {
    const [file, made] = [join(folder, 'lists/x_InRelease'), new Date(Date.now() - lists * day)];
    writeFileSync(file, `Origin: Debian\nDate: ${made.toUTCString()}\n`);
    if (!copied) utimesSync(file, made, made);
  }
  put(folder, 'apt-get', aptGet);
  put(folder, 'apt-config', `#!/bin/sh\necho "found='${folder}/lists'"\n`);
  put(folder, 'id', `#!/bin/sh\necho ${user === 'root' ? 0 : 1000}\n`);
  put(folder, 'sudo', `#!/bin/sh\n[ ${user} = sudo ] || exit 1\nshift\n"$@"\n`);
  for (const [name, there] of Object.entries({ network, [newer ?? 'none']: true, fails: upgradeFails })) if (there) put(folder, name, '');
  const path = `${folder}${delimiter}${missing ? withoutRestic(folder) : process.env['PATH'] ?? ''}`;
  return (...args) => {
    const { status, stdout, stderr } = spawnSync(script, args, { encoding: 'utf8', env: { PATH: path, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') } });
    const did = existsSync(join(folder, 'did')) ? readFileSync(join(folder, 'did'), 'utf8').trim().split('\n') : [];
    writeFileSync(join(folder, 'did'), '');
    return { did: did.filter(Boolean), said: stdout + stderr, code: status };
  };
}

/** A folder with links to every program but restic. The set-up adds where sshd lives, so that is not needed here. */
function withoutRestic(folder: string): string {
  const links = join(folder, 'links');
  mkdirSync(links);
  const known = new Set(['restic']);
  for (const from of (process.env['PATH'] ?? '').split(delimiter).filter((one) => existsSync(one))) {
    for (const name of readdirSync(from).filter((each) => !known.has(each))) {
      symlinkSync(join(from, name), join(links, name));
      known.add(name);
    }
  }
  return links;
}

const rows: Readonly<Record<string, { machine: Machine; args?: string[]; did: string[]; says?: RegExp[]; again?: string[] }>> = {
  'lists of today, nothing newer': { machine: { lists: 0.5 }, did: [] },
  'lists of today, a newer rsync': { machine: { lists: 0.5, newer: 'known' }, did: ['upgrade: rsync'], says: [/upgrading rsync from 3\.2\.7-1 to 3\.5\.0-1/] },
  'lists of last summer, a newer rsync': { machine: { lists: 140, newer: 'unknown' }, did: ['update', 'upgrade: rsync'], says: [/refreshing the package lists/] },
  'lists of last summer, copied here today': { machine: { lists: 140, copied: true, newer: 'unknown' }, did: ['update', 'upgrade: rsync'] },
  'no lists at all': { machine: { newer: 'unknown' }, did: ['update', 'upgrade: rsync'] },
  'old lists, no network, and an apt-get that ends with 0': {
    machine: { lists: 140, network: false, newer: 'unknown' }, did: ['update'], says: [/not all lists could be fetched; going on with what is here \(\d{4}-\d\d-\d\d\)/],
  },
  'old lists, no network, something missing': { machine: { lists: 140, network: false, missing: true }, did: ['update', 'install: restic'], says: [/installing with apt-get: restic/] },
  'old lists, something missing': { machine: { lists: 140, missing: true, newer: 'unknown' }, did: ['update', 'install: restic', 'upgrade: rsync'] },
  '--no-upgrade, old lists, a newer rsync': { machine: { lists: 140, newer: 'known' }, args: ['--no-upgrade'], did: [] },
  '--no-upgrade, something missing': { machine: { lists: 140, newer: 'known', missing: true }, args: ['--no-upgrade'], did: ['update', 'install: restic'] },
  'sudo without a password': { machine: { lists: 140, newer: 'unknown', user: 'sudo' }, did: ['update', 'upgrade: rsync'] },
  'an ordinary user, a newer rsync': {
    machine: { lists: 140, newer: 'known', user: 'ordinary' }, did: [], says: [/lists are old \(\d{4}-\d\d-\d\d\); I may not refresh them/, /rsync 3\.5\.0-1 is there, this is 3\.2\.7-1; I may not upgrade it/],
  },
  'an upgrade that fails': { machine: { lists: 0.5, newer: 'known', upgradeFails: true }, did: ['upgrade: rsync'], says: [/could not upgrade rsync; going on/], again: ['upgrade: rsync'] },
};

for (const [name, { machine: like, args = [], did, says = [], again = [] }] of Object.entries(rows)) {
  test(`${name}: ${did.length === 0 ? 'nothing is done' : did.join(', then ')}`, (t) => {
    const setUp = machine(t, like);
    const first = setUp(...args);
    assert.equal(first.code, 0, first.said);
    assert.deepEqual(first.did, did, first.said);
    for (const pattern of [...says, /found rsync \d/, /found restic \d/]) assert.match(first.said, pattern);
    const second = setUp(...args);
    assert.deepEqual([second.code, second.did], [0, again], second.said);
    if (again.length === 0) assert.match(second.said, /\nsetup: all is there\n$/);
  });
}

test('an ordinary user, something missing: it says what an administrator must do, and ends', (t) => {
  const { code, did, said } = machine(t, { lists: 0.5, missing: true, user: 'ordinary' })();
  assert.deepEqual([code, did], [1, []]);
  assert.match(said, /\nsetup: {5}apt-get install restic\n/);
});

test('what doctor warns of is said: an old rsync', (t) => {
  const folder = temporaryFolder(t);
  put(folder, 'rsync', '#!/bin/sh\necho "rsync  version 3.2.7  protocol version 31"\n');
  const { stdout } = spawnSync(script, ['--no-upgrade'], { encoding: 'utf8', env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder } });
  assert.match(stdout, /^setup: found rsync 3\.2\.7 \(.*\): before 3\.5\.0 .* \(doctor warns of it\)$/m);
});

test('an unknown option is refused', () => {
  assert.equal(spawnSync(script, ['--upgrade'], { encoding: 'utf8' }).status, 1);
});
