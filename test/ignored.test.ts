/** Ignored names: whatever is accepted hides no name of the layout, and the walk and rsync leave out the same. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readConfig } from '../src/config/config.ts';
import { hiddenBy, ignoredNames } from '../src/ignored.ts';
import { temporaryFolder } from './support/temporary.ts';

const id = '0f'.repeat(32);
const layout = ['config', 'keys', 'index', 'snapshots', 'data', 'locks', '.rsync-ratchet', '00', 'fe', id, 'a'.repeat(64)];

/** What the configuration says of a name; undefined when it is taken. */
function refusal(name: string): string | undefined {
  const result = readConfig(JSON.stringify({ repositories: { nightly: { source: 'h:', replica: '/r', ignore: [name] } } }), '/');
  return 'problems' in result ? result.problems.map(({ message }) => message).join('; ') : undefined;
}

for (const name of ['.DS_Store', '._*', '.nfs*', '*.bak', '*.tmp', '-x', 'g*', '*q', 'Thumbs.db', 'lost+found', `${id}0*`, `*${id}0`, 'ü*', 'abc', 'config.*', 'configs', '*~']) {
  test(`ignore: ${name} is taken`, () => { assert.equal(refusal(name), undefined); });
}

const refused: readonly (readonly [string, RegExp])[] = [
  ['*', /must be a literal name/], ['**', /must be a literal name/], ['*a*', /must be a literal name/], ['a*b', /must be a literal name/], ['', /must not be empty/], [' ', /must not be empty/],
  ['c*', /hide config/], ['CONFIG', /hide config/], ['Con*', /hide config/], ['*g*', /literal/], ['*onfig', /hide config/], ['*S', /hide keys/], ['*x', /hide index/], ['i*', /hide index/],
  ['.r*', /hide \.rsync-ratchet/], ['.*', /hide \.rsync-ratchet/], ['*-ratchet', /hide \.rsync-ratchet/], ['0*', /hide 00/], ['*F', /hide 0f/], ['aB', /hide ab/], ['abc*', /hide abc00000… and other files/],
  ['*abc', /hide 00000000… and other files/], [id, /hide/], [id.toUpperCase(), /hide/], [`${id}*`, /hide/], [`*${id.slice(1)}`, /hide/],
  ['a/b', /slash/], ['[ab]', /literal/], ['a?', /literal/], ['a\\*', /literal/], ['- a', /literally/], ['+ a*', /literally/], ['!', /literally/], ['..', /literally/],
];
for (const [name, why] of refused) test(`ignore: "${name}" is refused`, () => { assert.match(refusal(name) ?? '', why); });

test('no pattern that is taken matches a name of the layout, in any case', () => {
  const part = fc.string({ unit: fc.constantFrom(...'0123456789abcdefCONFIGkeysidxnpshotl.-r~z'.split('')), maxLength: 5 });
  fc.assert(fc.property(part, fc.constantFrom('whole', 'beginning', 'end'), (fixed, at) => {
    const pattern = at === 'whole' ? fixed : at === 'beginning' ? `${fixed}*` : `*${fixed}`;
    if (fixed === '' || hiddenBy(pattern) !== undefined) return;
    const ignore = ignoredNames([pattern, pattern.toLowerCase(), pattern.toUpperCase()]);
    assert.deepEqual(layout.flatMap((name) => [name, name.toUpperCase()]).filter((name) => ignore.has(name)), [], pattern);
  }), { numRuns: 2000 });
});

test('rsync leaves out what the walk leaves out', (t) => {
  const folder = temporaryFolder(t);
  const names = ['._', '._x', 'x._', '.nfs0001', '.NFS0001', 'a.bak', '.bak', 'a.bak.gz', 'a.BAK', 'üa', 'aü', 'plain', '-x', '-xy', 'a b', 'a b c'];
  for (const name of names) {
    writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, `${name}.folder`));
    writeFileSync(join(folder, `${name}.folder`, name), '');
  }
  const ignore = ['._*', '.nfs*', '*.bak', 'ü*', '-x', 'a b*'];
  const listed = execFileSync(process.env['RATCHET_RSYNC'] ?? 'rsync', ['-rn', '--8-bit-output', '--out-format=%n', ...ignore.map((name) => `--exclude=${name}`), `${folder}/`, '/nowhere/'], { encoding: 'utf8' });
  const matcher = ignoredNames(ignore);
  const isOut = (path: string): boolean => path.split('/').some((name) => matcher.has(Buffer.from(name).toString('latin1')));
  const all = names.flatMap((name) => [name, `${name}.folder/`, `${name}.folder/${name}`]);
  assert.deepEqual(listed.split('\n').filter((line) => line !== '' && line !== './' && !line.startsWith('created directory')).sort(), all.filter((path) => !isOut(path.replace(/\/$/, ''))).sort());
});
