/** README.md and the chapters of the manual, for the tests that hold what they say. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The top of the project. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The chapters, as paths below the project. */
export const chapters = readdirSync(new URL('../../src/manual/', import.meta.url)).map((name) => `src/manual/${name}`);

/** What a page says. */
export const pageText = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
