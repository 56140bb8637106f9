/** Where restic reads its password: in a file of the operator's, or in what a program of his has printed, which then has no name on any disk. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from '../config/config.ts';
import { Failure } from '../errors.ts';
import { escapeText } from '../printable.ts';
import { firstHeld, run } from './process.ts';

/** A password that can be read as often as restic is started, by whoever inherits `held`. */
export interface Password {
  readonly path: string;
  readonly held: readonly { readonly descriptor: number }[];
}

/** How long the program may take, in milliseconds. */
const usualPatience = 60_000;
/** No password is longer, in bytes. */
const longest = 64 * 1024;

/**
 * The password of a repository. Where a program tells it, it is started here, as who runs this and with all of the
 * environment; what it prints is held open and has no name any more. `folder`: a private one. Throws Failure.
 */
export async function passwordOf(
  { passwordFile = '', passwordCommand }: Repository['restic'],
  folder: string,
  interrupt: AbortSignal,
): Promise<Password> {
  if (passwordCommand === undefined) return { path: passwordFile, held: [] };
  return heldOpen(join(folder, 'password'), await printedPassword(passwordCommand, interrupt));
}

/** Closes what is held open. */
export function forgetPassword({ held }: Password): void {
  for (const { descriptor } of held) closeSync(descriptor);
}

/** The same for a box that reads it but once: a file by its path, or what was printed. */
export function forOneBox({ path, held: [held] }: Password): { readonly file: string } | { readonly typed: string } {
  return held === undefined ? { file: path } : { typed: readFileSync(`/proc/self/fd/${held.descriptor}`, 'utf8') };
}

function heldOpen(path: string, content: string): Password {
  writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
  try {
    return { path: `/proc/self/fd/${firstHeld}`, held: [{ descriptor: openSync(path, 'r') }] };
  } finally {
    rmSync(path);
  }
}

/** What the program of `restic.passwordCommand` prints, without blanks around it, as restic reads it. Throws Failure. */
export async function printedPassword(
  [file = '', ...args]: readonly string[],
  interrupt: AbortSignal,
  patience = usualPatience,
): Promise<string> {
  const chunks: Buffer[] = [];
  const env = Object.fromEntries(Object.entries(process.env).map(([name, value = '']) => [name, value]));
  const bounds = { stall: patience, deadline: Date.now() + patience, interrupt };
  const ended = await run({ file, args, env }, bounds, (chunk) => {
    if (chunks.reduce((sum, { length }) => sum + length, chunk.length) > longest)
      throw notTold(file, 'printed more than a password can be');
    chunks.push(chunk);
  });
  if (interrupt.aborted) throw interrupt.reason;
  const said = escapeText(ended.stderr.trim(), 300);
  if (ended.stopped !== undefined) throw notTold(file, `was not done within ${patience / 1000} s`);
  if (ended.code !== 0)
    throw notTold(file, `ended with ${ended.code ?? ended.signal ?? 'no answer'}${said === '' ? '' : `: ${said}`}`);
  const printed = Buffer.concat(chunks).toString('utf8').trim();
  if (printed === '') throw notTold(file, 'printed no password');
  return printed;
}

function notTold(file: string, how: string): Failure {
  return new Failure(
    `restic.passwordCommand: ${file} ${how}`,
    'run it as the user of the nights, without a terminal: it must print the password, and nothing else, within a minute. Nothing was proven or admitted',
  );
}
