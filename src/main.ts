#!/usr/bin/env node
/** The entry: parse argv, run, set the exit code. The only file that ends the process. */
import { isShort } from './cli/parts.ts';
import { Interrupted } from './errors.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => { interrupt.abort(new Interrupted(signal)); });
}
// A reader that goes away (`| head`) is no reason to leave a run half-way.
process.stdout.on('error', ignoreBrokenPipe);
process.stderr.on('error', ignoreBrokenPipe);

void main();

async function main(): Promise<void> {
  const { run } = await (isShort(process.argv.slice(2)) ? import('./cli/short.ts') : import('./cli/whole.ts'));
  process.exitCode = await run(process.argv, interrupt.signal);
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
