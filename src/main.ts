#!/usr/bin/env node
/** The entry: parse argv, run, set the exit code. The only file that ends the process. */
import { runProgram } from './cli/program.ts';
import { Interrupted } from './errors.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => { interrupt.abort(new Interrupted(signal)); });
}
// A reader that goes away (`| head`) is no reason to leave a run half-way.
process.stdout.on('error', ignoreBrokenPipe);
process.stderr.on('error', ignoreBrokenPipe);

process.exitCode = await runProgram(process.argv, interrupt.signal);

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
