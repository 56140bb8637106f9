/** What `tls:` means, word by word. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressOf, encryptionOf } from '../../src/config/smtp.ts';

type Smtp = Parameters<typeof encryptionOf>[0];
const smtp = (tls: Smtp['tls'], more: Partial<Smtp> = {}): Smtp => ({ kind: 'smtp', host: 'mail.example.org', port: 25, tls, ...more });
const login = { user: 'u', passwordFile: '/p' };

describe('tls', () => {
  const rows: readonly (readonly [name: string, smtp: Smtp, implicit: boolean, startTls: string, verified: boolean, clearInstead: boolean])[] = [
    ['required', smtp('required'), false, 'required', true, false],
    ['required on 465', smtp('required', { port: 465 }), true, 'never', true, false],
    ['required with a login', smtp('required', login), false, 'required', true, false],
    ['required on this machine', smtp('required', { host: 'localhost' }), false, 'required', true, false],
    ['opportunistic', smtp('opportunistic'), false, 'offered', false, true],
    ['opportunistic on 465', smtp('opportunistic', { port: 465 }), true, 'never', false, false],
    ['opportunistic with a login: as required', smtp('opportunistic', login), false, 'required', true, false],
    ['opportunistic with a login on 465: as required', smtp('opportunistic', { ...login, port: 465 }), true, 'never', true, false],
    ['opportunistic with a login on this machine', smtp('opportunistic', { ...login, host: '127.0.0.1' }), false, 'offered', false, true],
    ['a name that only looks like this machine', smtp('opportunistic', { ...login, host: '127.0.0.1.example.org' }), false, 'required', true, false],
    ['none', smtp('none'), false, 'never', false, false],
    ['none on 465', smtp('none', { port: 465 }), false, 'never', false, false],
    ['none with a login', smtp('none', login), false, 'never', false, false],
  ];
  for (const [name, given, implicit, startTls, verified, clearInstead] of rows) {
    test(name, () => { assert.deepEqual(encryptionOf(given), { implicit, startTls, verified, clearInstead }); });
  }
});

describe('addresses', () => {
  for (const [recipient, address] of [['ops@example.org', 'ops@example.org'], ['Ops <ops@example.org>', 'ops@example.org'], ['Ops Two <o+2@example.org> ', 'o+2@example.org']] as const) {
    test(recipient, () => { assert.equal(addressOf(recipient), address); });
  }
});
