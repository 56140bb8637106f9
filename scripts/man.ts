/** Writes the manual pages into a folder, dist/man by default: node --import tsx scripts/man.ts [FOLDER] */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualPages } from './man-pages.ts';

const folder = process.argv[2] ?? join(import.meta.dirname, '../dist/man');
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
  version: string;
};

mkdirSync(folder, { recursive: true });
for (const [name, page] of Object.entries(manualPages(version))) writeFileSync(join(folder, name), page);
