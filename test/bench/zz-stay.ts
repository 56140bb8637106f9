import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRepository } from '../support/restic.ts';
import { Bench } from './places.ts';
import { startLink } from './link.ts';
const folder = process.argv[2]!;
const sizes = ['10000', '100000'];
const bench = await Bench.begin(folder, [...sizes.map((s) => `n${s}`), 'small', 'bulk', 'restic', 'first']);
const repository = openRepository(join(folder, 'small', 'source'));
const place = bench.place('small', { restic: { passwordFile: repository.passwordFile } });
const link = await startLink(place.account, 10);
place.over(link.account);
for (const size of process.argv.slice(3)) { const p = bench.inStep(`n${size}`, Number(size)); const l = await startLink(p.account, 10); p.over(l.account); }
writeFileSync(join(folder, 'up'), '');
setInterval(() => undefined, 1e6);
