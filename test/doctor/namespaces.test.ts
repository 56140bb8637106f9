/** Why an ordinary user gets no namespaces: decided by the kernel's facts. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { namespaceFacts, namespaceMend, type NamespaceFacts } from '../../src/doctor/namespaces.ts';
import { temporaryFolder } from '../support/temporary.ts';

const plain: NamespaceFacts = { isRoot: false, areNone: false, isSwitchedOff: false, refusedByAppArmor: false, hasProfile: true, program: '/opt/x/main.js' };

describe('what mends it', () => {
  const rows: readonly (readonly [string, Partial<NamespaceFacts>, RegExp])[] = [
    ['root in a container', { isRoot: true, refusedByAppArmor: true }, /^this container, .* restic\.prove: unisolated and rsync\.sandbox: off/],
    ['none at all', { areNone: true, isSwitchedOff: true }, /^sysctl user\.max_user_namespaces=/],
    ['switched off', { isSwitchedOff: true, refusedByAppArmor: true }, /^sysctl kernel\.unprivileged_userns_clone=1/],
    ['AppArmor, with the package', { refusedByAppArmor: true }, /^AppArmor .*: ln -sf \/usr\/share\/rsync-ratchet\/apparmor \/etc\/apparmor\.d\/rsync-ratchet && apparmor_parser --replace .* start \/usr\/bin\/rsync-ratchet$/],
    ['AppArmor, without', { refusedByAppArmor: true, hasProfile: false }, /^AppArmor .*: install the Debian package, .* with \/opt\/x\/main\.js in place of its path/],
    ['nothing that the kernel says', {}, /^allow user namespaces: a container or a service manager/],
  ];
  for (const [name, facts, expected] of rows) test(name, () => assert.match(namespaceMend({ ...plain, ...facts }), expected));
});

describe('the facts', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, Partial<NamespaceFacts>])[] = [
    ['a kernel that says nothing', {}, { areNone: false, isSwitchedOff: false, refusedByAppArmor: false }],
    ['Ubuntu 24.04', { 'sys/kernel/apparmor_restrict_unprivileged_userns': '1\n', 'self/attr/current': 'unconfined\n' }, { refusedByAppArmor: true }],
    ['under the profile of the package', { 'sys/kernel/apparmor_restrict_unprivileged_userns': '1\n', 'self/attr/current': 'rsync-ratchet (unconfined)\n' }, { refusedByAppArmor: false }],
    ['the restriction switched off', { 'sys/kernel/apparmor_restrict_unprivileged_userns': '0\n' }, { refusedByAppArmor: false }],
    ['no namespaces at all', { 'sys/user/max_user_namespaces': '0\n' }, { areNone: true }],
    ["Debian's switch", { 'sys/kernel/unprivileged_userns_clone': '0\n' }, { isSwitchedOff: true }],
  ];
  for (const [name, files, expected] of rows) {
    test(name, (t) => {
      const proc = temporaryFolder(t);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(proc, path)), { recursive: true });
        writeFileSync(join(proc, path), text);
      }
      const facts = namespaceFacts(proc);
      assert.deepEqual({ ...facts, ...expected }, facts);
    });
  }
});
