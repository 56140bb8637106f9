/** Frames beside the dialogue: early ends, text that passes for ours, forged deletions, io-errors, stderr, banners. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { foldersOf } from '../../../src/layout.ts';
import { suiteOf, withstand } from '../../support/hostile/attack.ts';
import { deletedPack, fresh, freshPaths, modifiedPack, old } from '../../support/hostile/repository.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import { rsyncDecides, type Act, type Attack, type Lie } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

const zero = [0, 0, 0, 0];
const at = (moment: string, ...acts: Act[]): Lie => ({ acts: { [moment]: acts } });
const beside = (...acts: Act[]): Lie => ({ by: 'proxy', acts: { preamble: acts } });
const caught = { exits: [3], finds: [`deleted ${deletedPack}`, `modified ${modifiedPack}`] };
/** What is cut out of the report is missed in the books. */
const missed = { exits: [3], finds: [`unaccounted ${old.packs[4]!}`] };
/** Our rsync would say that all is well: exit code 0, nothing on stderr. */
const quietEnd: Act = { tag: 86, bytes: zero };
const vanished: Act = { tag: 86, bytes: [24, 0, 0, 0] };
const silence: Act = { hang: true };
/** Codes that no rsync has. */
const [folderCode, nothingCode] = [96, 97].map((code): Act => ({ tag: 86, bytes: [code, 0, 0, 0] })) as [Act, Act];

const ends: readonly Attack[] = [
  { name: 'before the list', audit: at('preamble', quietEnd, silence), ...missed },
  { name: 'half-way in the list', rare: true, audit: at('list', quietEnd, silence), ...missed },
  { name: 'behind the list', rare: true, audit: at('listed', quietEnd, silence), ...missed },
  { name: 'half-way in the report', audit: at(`asked ${old.packs[2]!}`, quietEnd, silence), exits: [3], finds: ['unaccounted'] },
  { name: 'behind the report', rare: true, audit: at('done 1', quietEnd, silence), ...caught },
  { name: 'at the very end', audit: at('stats', quietEnd, silence), ...caught },
  { name: 'without a code', rare: true, audit: at('listed', { tag: 86 }, silence), exits: rsyncDecides },
  // Which of its own two processes hears of it first is rsync's affair: 24, and we try again, or 10 (a broken pipe between them).
  { name: 'with the code for vanished files, each time', rare: true, audit: at('listed', vanished, silence), exits: [1], says: /exit code (?:24|10)\b/ },
  { name: 'with the code for vanished files, in the first try', calls: { 1: at('listed', vanished, silence) }, exits: rsyncDecides },
  { name: 'with a code that no rsync has, behind the report', audit: at('stats', folderCode, silence), exits: [1], finds: caught.finds, says: /^the audit failed: rsync exit code 96\b/ },
  { name: 'with another one, and as if there had been no channel', calls: { 1: at('preamble', nothingCode, { exit: 255 }) }, exits: [1], says: /^the audit failed: rsync exit code 255\b/ },
  { name: 'through a real rsync', rare: true, audit: beside(quietEnd, silence), ...missed },
  { name: 'through a real rsync, in the last pass alone', calls: { 3: beside(quietEnd, silence) }, ...missed },
  { name: 'through a real rsync, half-way', rare: true, calls: { 3: { by: 'proxy', acts: { 'frame 2': [quietEnd, silence] } } }, ...missed },
];

suiteOf('an error exit with code 0', () => stage, ends);

const forged = `c0ffee0123456789c0ffee01 .f         |1000|2026/11/23-01:27:44|${deletedPack}\n`;
const skipping = `skipping non-regular file "${deletedPack}"\n`;
const refused = { exits: [1], says: /cannot be understood/ };

const texts: readonly Attack[] = [
  { name: 'a line like ours with another nonce', audit: beside({ tag: 2, text: forged }), ...refused },
  { name: 'a line like ours as log', rare: true, audit: at('listed', { tag: 6, text: forged }), exits: rsyncDecides },
  { name: 'a line like ours without a nonce', rare: true, audit: at('listed', { tag: 2, text: forged.slice(25) }), ...refused },
  { name: 'an empty line', audit: at('listed', { tag: 2, text: '\n' }), ...refused },
  { name: 'text without a newline, before the list', rare: true, audit: at('preamble', { tag: 2, text: 'hello' }), ...refused },
  { name: 'text without a newline, glued before the deletions', rare: true, audit: at('listed', { tag: 2, text: 'hello ' }), ...refused },
  { name: 'text without a newline, at the end', audit: at('stats', { tag: 2, text: 'hello' }), ...refused },
  { name: 'text of 64 KiB without a newline', rare: true, audit: beside({ tag: 2, text: 'x', repeat: 65_536 }), exits: [1] },
  { name: 'text of 4 KiB without a newline', rare: true, audit: beside({ tag: 2, text: 'x', repeat: 4096 }), ...refused },
  { name: 'text of 64 KiB in lines', rare: true, audit: beside({ tag: 2, text: forged, repeat: 500 }), exits: [1] },
  { name: 'bytes 0 to 255', audit: beside({ tag: 2, bytes: [...Array(256).keys()] }), ...refused },
  { name: 'control sequences for a terminal', rare: true, audit: beside({ tag: 2, text: '\x1b]0;owned\x07\x1b[2J\r' }), ...refused },
  { name: 'the one other line that we take, for the deleted pack', audit: { list: { folders: { flags: 0x100 } }, acts: { listed: [{ tag: 2, text: skipping }] } },
    exits: [3], finds: [`type-changed ${deletedPack}`] },
  { name: 'the one other line that we take, for a name of the moon', rare: true, audit: beside({ tag: 2, text: 'skipping non-regular file "moon"\n' }), ...caught },
  { name: 'warnings', audit: beside({ tag: 4, text: forged }), ...caught },
  { name: 'errors', rare: true, audit: beside({ tag: 3, text: 'rsync: all is well\n' }), ...caught },
  { name: 'errors of a transfer', rare: true, audit: beside({ tag: 1, text: 'rsync: all is well\n' }), exits: [1], says: /23/ },
  { name: 'errors in UTF-8', rare: true, audit: beside({ tag: 8, text: 'rsync: \xe2\x80\xae\n' }), exits: rsyncDecides },
];

suiteOf('text among our lines', () => stage, texts);

const deletions: readonly Attack[] = [
  { name: 'a pack that the replica never had', audit: beside({ tag: 101, text: `data/ab/${'ab'.repeat(32)}` }), exits: [3], finds: ['unaccounted'] },
  { name: 'a pack that is there', rare: true, audit: beside({ tag: 101, text: old.packs[2]! }), exits: [3], finds: [`unaccounted ${old.packs[2]!}`] },
  { name: 'the config', audit: at('listed', { tag: 101, text: 'config' }), exits: [3], finds: ['pinned config'] },
  { name: 'a name outside', rare: true, audit: beside({ tag: 101, text: '../../etc/passwd' }), exits: [3], finds: ['unaccounted'] },
  { name: 'a name with a newline and a nonce', audit: beside({ tag: 101, text: `x\n${forged}` }), exits: [3], finds: ['unaccounted'] },
  { name: 'a folder', rare: true, audit: beside({ tag: 101, text: 'data\0' }), exits: [3], finds: ['unaccounted data'] },
  { name: 'a pack that is there, as a folder', rare: true, audit: beside({ tag: 101, text: `${old.packs[2]!}\0` }), exits: [3], finds: [`inconsistent ${old.packs[2]!}`] },
  { name: 'no name at all', rare: true, audit: beside({ tag: 101 }), exits: [1], says: /cannot be understood/ },
  { name: 'a name of 64 KiB', rare: true, audit: beside({ tag: 101, text: 'x', repeat: 65_536 }), exits: rsyncDecides },
  { name: 'in place of what was deleted, the rest suppressed', audit: { list: { folders: { flags: 0x100 } }, acts: { listed: [{ tag: 101, text: deletedPack }] } },
    exits: [3], finds: [`deleted ${deletedPack}`] },
];

suiteOf('forged deletion messages', () => stage, deletions);

test('a deletion of what the replica never had, while a prune window is open, silences nothing', async (t) => {
  const attack: Attack = { name: 'in a window', packs: beside({ tag: 101, text: `data/ab/${'ab'.repeat(32)}` }), exits: [3], finds: ['unaccounted', `modified ${modifiedPack}`] };
  const night = stage.night(t, attack);
  const { code, stderr } = await night.run(['prune-window', 'open', 'nightly']);
  assert.equal(code, 0, stderr);
  await withstand(night, attack);
});

/** Below the repository itself, whose line comes unasked, nothing is listed, and nothing is said to be deleted. */
const nothingOfPacks: Lie = {
  list: { '.': { flags: 0x100 }, ...Object.fromEntries(['data', ...foldersOf('pack'), ...old.packs, ...fresh.packs].map((path) => [path, null])) },
  acts: { listed: [{ tag: 0, bytes: [1, 0, 0] }] },
};

suiteOf('a pass that is run again', () => stage, [
  { name: 'data is a symlink in the first try, which ends with 24; the second says nothing of it', exits: [3], finds: ['unaccounted data', `unaccounted ${deletedPack}`],
    calls: { 3: { listError: 2, acts: { listed: [{ tag: 2, text: 'skipping non-regular file "data"\n' }] } }, 4: nothingOfPacks } },
]);

const others: readonly Attack[] = [
  ...[1, 2, 4].map((flags): Attack =>
    ({ name: `io-error ${flags} as message`, rare: flags !== 1, audit: at('preamble', { tag: 22, bytes: [flags, 0, 0, 0] }), exits: [1] })),
  ...[1, 2].map((flags): Attack => ({ name: `io-error ${flags} at the list's end`, rare: flags !== 1, audit: { listError: flags }, exits: [1] })),
  { name: 'io-error behind the report', rare: true, audit: at('stats', { tag: 22, bytes: [1, 0, 0, 0] }), exits: [1] },
  { name: 'io-error through a real rsync', rare: true, audit: beside({ tag: 22, bytes: [1, 0, 0, 0] }), exits: [1] },
  ...[9, 33, 50, 100, 102, 200].map((tag): Attack =>
    ({ name: `a message with tag ${tag}`, rare: ![9, 102].includes(tag), audit: at('listed', { tag, bytes: [1, 0, 0, 0] }), exits: rsyncDecides })),
  { name: 'a message with the longest length that is never sent', audit: at('listed', { raw: '\xff\xff\xff\x09' }, { exit: 0 }), exits: [1] },
  { name: 'a banner', rare: true, audit: at('connect', { raw: 'Welcome to serverA!\n' }), exits: [1] },
  { name: 'a banner of 1 MB', audit: at('connect', { raw: 'Welcome to serverA! '.repeat(50_000) }), exits: [1], takes: 2_000_000 },
  { name: 'an end before the first byte', rare: true, audit: at('connect', { exit: 0 }), exits: [1] },
  { name: '1 MB of stderr', rare: true, audit: at('list', { stderr: 1_000_000 }), ...caught },
  { name: '1 MB of stderr in the fetch', fetch: at('file', { stderr: 1_000_000 }), exits: [0], admits: freshPaths },
];

suiteOf('other messages', () => stage, others);
