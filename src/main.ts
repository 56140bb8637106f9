#!/usr/bin/env node
/**
 * The entry: finds the part of the program that the words need, runs it, sets the exit code; the only file that does. Built,
 * each part has classes of its own (`instanceof`), so nothing but words and a number goes between.
 */
import { partOf, type Part } from './cli/parts.ts';

// A reader that goes away (`| head`) is no reason to leave a run half-way.
process.stdout.on('error', ignoreBrokenPipe);
process.stderr.on('error', ignoreBrokenPipe);

/** A part, loaded. */
type Loaded = Promise<{ readonly run: (argv: readonly string[]) => Promise<number> }>;

const parts: Readonly<Record<Part, () => Loaded>> = {
  short: () => import('./cli/short.ts'),
  night: () => import('./cli/night.ts'),
  whole: () => import('./cli/whole.ts'),
};

void main();

async function main(): Promise<void> {
  const { run } = await parts[partOf(process.argv.slice(2))]();
  process.exitCode = await run(process.argv);
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
