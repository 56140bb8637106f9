/** Texts kept word for word in `fixtures/`. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The test's own folder of recorded and golden files. */
export const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** Compares with `fixtures/NAME`; with UPDATE_GOLDEN=1 in the environment writes it instead, to be read in the diff. */
export function assertGolden(name: string, text: string): void {
  const file = `${fixtures}${name}`;
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  assert.equal(text, readFileSync(file, 'utf8'));
}
