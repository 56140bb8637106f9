/**
 * `npm run bench -- [B1 …] [--sizes 10000,100000,1000000] [--runs 5] [--megabytes 2048] [--folder DIR] [--json]`: ours and the
 * peers alternately, each figure a ratio. It reports, and never fails on a timing; what cannot be measured here is said, and left out.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benches } from './benches.ts';
import type { Figure, Wish } from './figures.ts';
import { Bench, say } from './places.ts';
import { rclones } from './rclones.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sizes: { type: 'string', default: '10000,100000,1000000' }, runs: { type: 'string', default: '5' },
    megabytes: { type: 'string', default: '2048' }, folder: { type: 'string' }, json: { type: 'boolean', default: false },
  },
});
const wanted = positionals.length > 0 ? positionals : Object.keys(benches).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
const unknown = wanted.filter((name) => !(name in benches));
const sizes = values.sizes.split(',').map(Number);
if (unknown.length > 0 || !sizes.every((size) => Number.isInteger(size) && size > 2)) {
  console.error(`usage: npm run bench -- [${Object.keys(benches).join(' ')}] [--sizes N,N] [--runs N] [--megabytes N] [--folder DIR] [--json]`);
  process.exit(2);
}

if (rclones().length === 0) say('no rclone is here: nothing is measured beside it');
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'ratchet-bench-'));
const bench = await Bench.begin(folder, [...sizes.map((size) => `n${size}`), 'small', 'bulk', 'restic', 'first', 'empty']);
const wish: Wish = { bench, sizes, runs: Number(values.runs), megabytes: Number(values.megabytes) };
const figures: Figure[] = [];
try {
  for (const name of wanted) {
    say(`${name} (load ${loadavg()[0]?.toFixed(1)})`);
    await measured(name).catch((error: unknown) => {
      say(`  ${name} broke off: ${String(error)}`);
      process.exitCode = 1;
    });
  }
} finally {
  await bench.stop();
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
}
const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GiB, load ${loadavg().map((load) => load.toFixed(1)).join(' ')}`;
if (values.json) console.log(JSON.stringify({ version: 1, machine, figures }, null, 2));
else console.log([`Measured ${machine}; ours and the peer in turn.`, '', '| # | measured | minimum | median | maximum | goal | notes |', '| --- | --- | --- | --- | --- | --- | --- |', ...figures.map(row)].join('\n'));

/** What a bench that breaks off has found until then counts, and the others come all the same. */
async function measured(name: string): Promise<void> {
  for await (const figure of benches[name]?.(wish) ?? []) {
    figures.push(figure);
    say(`  ${row(figure)}`);
  }
}

function row({ name, what, spread, goal, notes }: Figure): string {
  const shown = [spread.min, spread.median, spread.max].map((value) => (value >= 100 ? value.toFixed(0) : value.toFixed(2)));
  return `| ${[name, what, ...shown, goal, notes].join(' | ')} |`;
}
