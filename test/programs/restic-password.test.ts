/** The program that prints restic's password: what it prints, what it may not do, and what is told of it. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Failure } from '../../src/errors.ts';
import { forgetPassword, passwordOf, printedPassword } from '../../src/programs/restic-password.ts';
import { repositoryConfig } from '../support/repositoryConfig.ts';
import { temporaryFolder } from '../support/temporary.ts';

const never = new AbortController().signal;
const sh = (script: string): string[] => ['sh', '-c', script];

test('what it prints is the password, without blanks around it, as restic reads it', async () => {
  assert.equal(await printedPassword(sh('printf "  two words\\n\\n"; echo notice >&2'), never), 'two words');
});

const rows: readonly (readonly [what: string, command: readonly string[], message: RegExp])[] = [
  ['fails', sh('echo geheim; echo "vault is sealed" >&2; exit 2'), /^restic\.passwordCommand: sh ended with 2: vault is sealed$/],
  ['prints nothing', sh('echo'), /printed no password/],
  ['prints for ever', ['yes', 'geheim'], /printed more than a password can be/],
  ['is not there', ['/nowhere/vault'], /nowhere/],
  ['does not end', sh('echo geheim; sleep 600 & wait'), /was not done within 0\.3 s/],
];
for (const [what, command, message] of rows) {
  test(`one that ${what} is a failure with a hint, without what it printed`, async () => {
    await assert.rejects(printedPassword(command, never, what === 'does not end' ? 300 : undefined), (error: Failure) => {
      assert.match(error.message, message);
      assert.match(error.hint, /as the user of the nights.*Nothing was proven or admitted/);
      assert.doesNotMatch(error.message + error.hint, /geheim/);
      return true;
    });
  });
}

test('it is held open for whoever inherits it, and has no name', async () => {
  const folder = temporaryFolder();
  const password = await passwordOf(repositoryConfig({ restic: { passwordCommand: ['echo', 'geheim'] } }).restic, folder, never);
  assert.deepEqual([readdirSync(folder), password.path], [[], '/proc/self/fd/5']);
  const descriptor = password.held[0]?.descriptor ?? -1;
  for (let n = 0; n < 2; n++) assert.equal(readFileSync(`/proc/self/fd/${descriptor}`, 'utf8'), 'geheim');
  forgetPassword(password);
  assert.throws(() => readFileSync(`/proc/self/fd/${descriptor}`));
});
