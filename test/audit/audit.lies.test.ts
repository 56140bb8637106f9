import { wanted } from '../../src/audit/questions.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Audit } from '../../src/audit/audit.ts';
import { kindOf, type Known } from '../../src/audit/facts.ts';
import type { Change, Item } from '../../src/audit/itemize.ts';
import { passes, passOf, type Pass } from '../../src/layout.ts';
import { fileOf, someSeconds } from '../support/itemized.ts';
import {
  auditOf, catalogueOf, file, findingsOf, folder, reportOf, repository, special, without, type Report, type Tree,
} from '../support/trees.ts';

const pack = fileOf('pack', 'old');
const newPack = fileOf('pack', 'new');
const here: Tree = { ...repository, stray: file(), link: special };
const honest: Tree = { ...repository, [newPack]: file(), foreign: file() };
const item = (path: string, itemized = '.f         ', size = 10, mtime = someSeconds): Item =>
  ({ kind: 'item', itemized, fileType: itemized.charAt(1), size, mtime, path });

const inPass = (pass: Pass, change: (changes: readonly Change[]) => readonly Change[]) => (report: Report): Report => ({ ...report, [pass]: change(report[pass]) });
const add = (pass: Pass, ...more: readonly Change[]) => inPass(pass, (changes) => [...changes, ...more]);
const drop = (path: string) => (report: Report): Report =>
  Object.fromEntries(passes.map((pass) => [pass, report[pass].filter((change) => change.path !== path)])) as unknown as Report;
const empty: Report = { 1: [], 2: [], 3: [] };

/** Lies about `repository`, and all that the audit says of them. */
const lies: readonly (readonly [name: string, lie: (report: Report) => Report, findings: readonly string[]])[] = [
  ['a file left out', drop(pack), [`!unaccounted ${pack}`]],
  ['the config left out', drop('config'), ['!unaccounted config']],
  ['a folder left out', drop('index'), ['!unaccounted index']],
  ['the root left out of one pass', inPass(2, (changes) => changes.slice(1)), ['!unaccounted .']],
  ['the root named twice', add(3, item('.', '.d         ')), ['!unaccounted .']],
  ['the root as a file', inPass(1, ([, ...rest]) => [item('.'), ...rest]), ['!type-changed .']],
  ['the root deleted', inPass(1, ([, ...rest]) => [{ kind: 'deletion', isFolder: true, path: '.' }, ...rest]), ['!type-changed .']],
  ['the root as a symlink', inPass(1, ([, ...rest]) => [{ kind: 'non-regular', path: '.' }, ...rest]), ['!type-changed .']],
  ['the root as a new folder, which an audit never finds', inPass(3, ([, ...rest]) => [item('.', 'cd+++++++++'), ...rest]), ['!inconsistent .']],
  ['the root with words of its own', inPass(1, ([, ...rest]) => [item('.', '.d...p.....'), ...rest]), ['!inconsistent .']],
  ['a file deleted as a folder', inPass(3, (changes) => changes.map((change) => change.path === pack ? { kind: 'deletion', isFolder: true, path: pack } : change)), [`!deleted ${pack}`, `!inconsistent ${pack}`]],
  ['a folder deleted as a file', inPass(2, (changes) => changes.map((change) => change.path === 'index' ? { kind: 'deletion', isFolder: false, path: 'index' } : change)), ['!inconsistent index']],
  ['a file named twice', inPass(3, (changes) => [...changes, ...changes.filter(({ path }) => path === pack)]), [`!unaccounted ${pack}`]],
  ['a folder named twice', add(2, item('keys', '.d         ')), ['!unaccounted keys']],
  ['a file unchanged and deleted', add(3, { kind: 'deletion', isFolder: false, path: pack }), [`!deleted ${pack}`, `!unaccounted ${pack}`]],
  ['a new file named twice', add(3, item(newPack, '>f+++++++++'), item(newPack, '>f+++++++++')), [`!unaccounted ${newPack}`]],
  ['a new file named in the wrong pass', add(1, item(newPack, '>f+++++++++')), [`!unaccounted ${newPack}`]],
  ['a foreign name in the wrong pass', add(1, item('x', '>f+++++++++')), ['!unaccounted x', '?foreign x']],
  ['a symlink in the wrong pass', add(3, { kind: 'non-regular', path: 'x' }), ['!unaccounted x', '?foreign x']],
  ['a deletion of what was never there', add(3, { kind: 'deletion', isFolder: false, path: newPack }), [`!deleted ${newPack}`, `!unaccounted ${newPack}`]],
  ['a deletion of a stray that was never there', add(2, { kind: 'deletion', isFolder: false, path: 'x' }), ['!unaccounted x', '?stray x']],
  ['new and deleted', add(3, item(newPack, '>f+++++++++'), { kind: 'deletion', isFolder: false, path: newPack }), [`!deleted ${newPack}`, `!unaccounted ${newPack}`, `!unaccounted ${newPack}`]],
];

describe('lies about the books', () => {
  for (const [name, lie, findings] of lies) {
    test(name, () => { assert.deepEqual(findingsOf(auditOf({ replica: repository, source: repository, lie }).verdict), [...findings].sort()); });
  }

  test('a file moved to another pass is in the wrong one, and in the books', () => {
    const moved = add(1, ...reportOf(repository, repository)[3].filter(({ path }) => path === pack));
    const { verdict } = auditOf({ replica: repository, source: repository, lie: (report) => moved(drop(pack)(report)) });
    assert.deepEqual(findingsOf(verdict), [`!unaccounted ${pack}`]);
  });

  test('no line at all: everything that the replica has is missing, the root three times', () => {
    const { verdict } = auditOf({ replica: here, source: honest, lie: () => empty });
    assert.deepEqual(findingsOf(verdict), ['.', '.', '.', ...Object.keys(here)].map((path) => `!unaccounted ${path}`).sort());
  });

  test('a pass that was never begun leaves its files out', () => {
    const audit = new Audit(catalogueOf(repository), { initialising: false, window: undefined }, () => false);
    for (const pass of [1, 2] as const) {
      audit.begin(pass);
      for (const change of reportOf(repository, repository)[pass]) audit.judge(change);
    }
    assert.deepEqual(findingsOf(audit.verdict({})), Object.keys(repository).filter((path) => passOf(path) === 3).map((path) => `!unaccounted ${path}`).sort());
  });

  test('what is said to be new but has appeared in the replica meanwhile is not fetched', () => {
    const { verdict, catalogue: { books } } = auditOf({ replica: repository, source: honest, later: honest });
    assert.deepEqual(findingsOf(verdict), [`!unaccounted ${newPack}`, '?foreign foreign']);
    assert.equal(books.amount([wanted, 0]).files, 0);
  });
});

const forms = [
  '         ', '+++++++++', '?????????', '.........', '..t......', '.s.......', '.st......', '.sT......', '..T......', 'c........', 'cst......',
  '...p.....', '....o....', '.....g...', '......u..', '.......a.', '........x', '..t.p....',
];
const entries: Readonly<Record<string, readonly [known: Known | undefined, listed: Known, honest: readonly string[]]>> = {
  'a new file': [undefined, file(), ['>f+++++++++']],
  'an unchanged file': [file(), file(), ['.f         ']],
  'a file of another time': [file(), file(10, 5), ['>f..t......']],
  'a file of another size': [file(), file(1), ['>f.s.......']],
  'a file of another size and time': [file(), file(1, 5), ['>f.st......']],
  'a file in a folder\'s place': [folder, file(), ['>f+++++++++']],
  'a file in a symlink\'s place': [special, file(), ['>f+++++++++']],
  'a new folder': [undefined, folder, ['cd+++++++++']],
  'an unchanged folder': [folder, folder, ['.d         ', '.d..t......']],
  'a folder in a file\'s place': [file(), folder, ['cd+++++++++']],
};

describe('words that contradict the list', () => {
  for (const [name, [known, listed, expected]] of Object.entries(entries)) {
    const letter = listed.type === 'folder' ? 'd' : 'f';
    const all = ['<', '>', 'c', 'h', '.'].flatMap((type) => forms.map((form) => `${type}${letter}${form}`));
    test(`${name}: only ${expected.join(' or ')} will do`, () => {
      const path = letter === 'd' ? 'data/00' : newPack;
      for (const itemized of all) {
        const audit = new Audit(catalogueOf(known === undefined ? {} : { [path]: known }), { initialising: false, window: undefined }, () => false);
        audit.begin(3);
        audit.judge(item('.', '.d         '));
        audit.judge(item(path, itemized, listed.size, listed.mtime));
        assert.equal(findingsOf(audit.verdict({})).includes(`!inconsistent ${path}`), !expected.includes(itemized), itemized);
      }
    });
  }

  test('a symlink, device or special as a listed item, which our arguments never let rsync print', () => {
    for (const known of [undefined, file(), folder, special]) {
      for (const itemized of ['L', 'D', 'S'].flatMap((letter) => [`c${letter}+++++++++`, `.${letter}         `, `>${letter}.st......`])) {
        const audit = new Audit(catalogueOf(known === undefined ? {} : { x: known }), { initialising: false, window: undefined }, () => false);
        audit.begin(2);
        audit.judge(item('x', itemized, 3));
        assert.ok(findingsOf(audit.verdict({})).includes('!inconsistent x'), `${kindOf(item('x', itemized, 3), known)} ${itemized}`);
      }
    }
  });
});

describe('a pass that is run again', () => {
  const judgeAll = (audit: Audit, pass: Pass, changes: readonly Change[]) => {
    audit.begin(pass);
    for (const change of changes) audit.judge(change);
  };
  const report = reportOf(honest, here);
  const expected = auditOf({ replica: here, source: honest });

  for (const again of passes) {
    for (const [name, first] of Object.entries({ half: report[again].slice(0, 3), nothing: [], lies: [...report[again], ...report[again], item(`${again === 1 ? 'snapshots/' : again === 3 ? 'data/' : ''}x`)] })) {
      test(`pass ${again} after ${name}: as if it had been run once`, () => {
        const catalogue = catalogueOf(here);
        const audit = new Audit(catalogue, { initialising: false, window: undefined }, () => false);
        for (const pass of passes) {
          if (pass === again) judgeAll(audit, pass, first);
          judgeAll(audit, pass, report[pass]);
        }
        const verdict = audit.verdict({});
        assert.deepEqual([verdict.counts, findingsOf(verdict)], [expected.verdict.counts, findingsOf(expected.verdict)]);
      });
    }
  }

  test('what only the first try listed is not wanted any more', () => {
    const catalogue = catalogueOf(repository);
    const audit = new Audit(catalogue, { initialising: false, window: undefined }, () => false);
    const [first, second] = [reportOf({ ...repository, [newPack]: file() }, repository), reportOf(repository, repository)];
    for (const pass of passes) judgeAll(audit, pass, first[pass]);
    judgeAll(audit, 3, second[3]);
    const verdict = audit.verdict({});
    assert.deepEqual([verdict.counts.new, verdict.counts.newBytes, findingsOf(verdict)], [0, 0, []]);
    assert.equal(catalogue.books.amount([wanted, 0]).files, 0);
  });
});

describe('for all repositories', () => {
  const names = ['config', 'stray', 'data/x', ...(['pack', 'index', 'snapshot', 'key'] as const).flatMap((type) => [0, 1, 2].map((n) => fileOf(type, n)))];
  const entry = fc.constantFrom(file(), file(1), file(10, 5), folder, special);
  const tree = fc.subarray(names).chain((paths) => fc.array(entry, { minLength: paths.length, maxLength: paths.length })
    .map((found): Tree => Object.fromEntries(paths.map((path, n) => [path, found[n] ?? folder]))));

  test('an honest report balances the books, and without a violation or a suspect nothing of the layout was touched', () => {
    fc.assert(fc.property(tree, tree, (replica, source) => {
      const found = findingsOf(auditOf({ replica, source }).verdict);
      assert.ok(!found.some((each) => /^!(unaccounted|inconsistent|refused)/.test(each)), found.join());
      const isLayout = (path: string) => path !== 'stray' && path !== 'data/x' && replica[path]?.type === 'file';
      const touched = Object.keys(replica).filter(isLayout).filter((path) => JSON.stringify(source[path]) !== JSON.stringify(replica[path]));
      const added = Object.keys(source).filter((path) => /^(keys|config)/.test(path) && replica[path] === undefined && source[path]?.type === 'file');
      const became = Object.keys(source).filter((path) => isLayoutName(path) && replica[path] !== undefined && !isLayout(path));
      if (became.length === 0) assert.equal(found.some((each) => /^[!.]/.test(each)), touched.length + added.length > 0, found.join());
    }), { numRuns: 500 });
  });
  const isLayoutName = (path: string) => path !== 'stray' && path !== 'data/x';

  test('one line less about what the replica has is always found', () => {
    fc.assert(fc.property(tree, tree, fc.nat(), (replica, source, which) => {
      const paths = Object.keys({ ...replica, '.': folder });
      const path = paths[which % paths.length] ?? '.';
      const lie = (report: Report): Report => { const pass = passOf(path); return { ...report, [pass]: report[pass].filter((change) => change.path !== path) }; };
      assert.ok(findingsOf(auditOf({ replica, source, lie }).verdict).includes(`!unaccounted ${path}`));
    }), { numRuns: 300 });
  });

  test('a path left out by both sides is nobody\'s business', () => {
    assert.deepEqual(findingsOf(auditOf({ replica: without(repository, pack), source: without(repository, pack) }).verdict), []);
  });
});
