/**
 * `restic init` without its wait: the same files (restic's doc/design.rst), but with a password hash that costs
 * nothing. Every `restic` of the tests opens such a repository in 0.05 s instead of 0.5.
 */
import { createCipheriv, createHash, randomBytes, scryptSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes an empty repository in `path`, which must not exist. */
export function resticInit(path: string, password: string, format: 1 | 2 = 2): void {
  const layout = ['index', 'keys', 'locks', 'snapshots', 'data'];
  mkdirSync(path, { mode: 0o700 });
  for (const name of layout) mkdirSync(join(path, name), { mode: 0o700 });
  for (let n = 0; n < 256; n += 1) mkdirSync(join(path, 'data', n.toString(16).padStart(2, '0')), { mode: 0o700 });
  const master = randomBytes(64);
  const key = keyFile(password, master);
  writeFileSync(join(path, 'keys', createHash('sha256').update(key).digest('hex')), key, { mode: 0o400 });
  const config = { version: format, id: randomBytes(32).toString('hex'), chunker_polynomial: '3f62011fcbcd8b' };
  writeFileSync(join(path, 'config'), seal(JSON.stringify(config), master), { mode: 0o400 });
}

/** A key for a password, with a master key of 64 bytes. */
export function keyFile(password: string, master: Buffer): string {
  const [N, r, p] = [1024, 8, 1];
  const salt = randomBytes(64);
  const base64 = (start: number, end: number): string => master.toString('base64', start, end);
  const keys = JSON.stringify({ mac: { k: base64(32, 48), r: base64(48, 64) }, encrypt: base64(0, 32) });
  const data = seal(keys, scryptSync(password, salt, 64, { N, r, p })).toString('base64');
  const created = new Date().toISOString();
  return JSON.stringify({ created, username: 'test', hostname: 'test', kdf: 'scrypt', N, r, p, salt: salt.toString('base64'), data });
}

/** Nonce, AES-256-CTR, Poly1305-AES. `key`: 32 bytes for AES, 16 for the nonce of the MAC, 16 for its r. */
export function seal(text: string | Buffer, key: Buffer): Buffer {
  const nonce = randomBytes(16);
  const sealed = createCipheriv('aes-256-ctr', key.subarray(0, 32), nonce).update(text);
  const pad = createCipheriv('aes-128-ecb', key.subarray(32, 48), null).update(nonce);
  return Buffer.concat([nonce, sealed, poly1305(sealed, key.subarray(48, 64), pad)]);
}

function poly1305(message: Buffer, r: Buffer, pad: Buffer): Buffer {
  const number = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const clamped = number(r) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = Buffer.concat([message.subarray(at, at + 16), Buffer.of(1)]);
    sum = ((sum + number(block)) * clamped) % ((1n << 130n) - 5n);
  }
  const tag = BigInt.asUintN(128, sum + number(pad));
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}
