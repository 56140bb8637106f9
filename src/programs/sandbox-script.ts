/**
 * How the script is called that stands between the namespaces and restic (sandbox.pl). Perl, because it is on every Debian
 * (perl-base) and makes folders, links, copies, mounts and a chroot without starting a program for each.
 */
import { textBeside } from '../beside.ts';

declare const __SANDBOX__: string | undefined;

/** The script's exit code where it cannot read the password. */
export const passwordRefused = 96;
/** Its exit code where it is the overlay that the kernel refuses. */
export const overlayRefused = 98;

/**
 * What the view is made of, in this order; `to` is a path below the root. `copy`, `copy-all`: a file, the files of a folder.
 * `password`: a file, `-` is stdin.
 * `show`, `show-programs`: a file or a folder, read-only, the latter with what is mounted below. `overlay`, `overlay-writable`:
 * a folder of the repository, `from` is lowerdir of mount(2); what is written is kept in memory. `hide`, `stand-ins`: files of
 * the repository that a file names. `target`: device, inode and path of the one folder that is written to. `keep`: powers that
 * what runs inside keeps; `pretend`: system calls that do nothing there (both separated by commas).
 */
export type Part = readonly [verb: Verb, from: string, to: string];
type Verb =
  | 'folder'
  | 'link'
  | 'copy'
  | 'copy-all'
  | 'password'
  | 'show'
  | 'show-programs'
  | 'show-device'
  | 'overlay'
  | 'overlay-writable'
  | 'target'
  | 'keep'
  | 'pretend'
  | 'hide'
  | 'stand-ins';

/**
 * What is asked in the view: a command, or one for each index. `alone`: the only one, whose exit code is the script's; the
 * nonce is a line of stderr before it starts.
 */
export type Ask = readonly [kind: 'each index' | 'once' | 'alone', ...words: string[]];

/** The numbers of mount, prctl, prlimit64, capget, capset and ioprio_set (syscalls(2)), which Perl does not know: one row for each machine that Node runs on. */
const generic = [40, 167, 261, 90, 91, 30];
const numbersOf: Readonly<Partial<Record<NodeJS.Architecture, readonly number[]>>> = {
  x64: [165, 157, 302, 125, 126, 251],
  arm64: generic,
  riscv64: generic,
  loong64: generic,
  arm: [21, 172, 369, 184, 185, 314],
  ia32: [21, 172, 340, 184, 185, 289],
  ppc64: [21, 171, 325, 183, 184, 273],
  s390x: [21, 172, 334, 184, 185, 282],
  mips: [4021, 4192, 4338, 4204, 4205, 4314],
  mipsel: [4021, 4192, 4338, 4204, 4205, 4314],
};
/** A machine that is not in the table has no sandbox: the first of them fails. */
const unknown = [-1, -1, -1, -1, -1, -1];

/** The numbers of all calls that change an owner. */
const chownsOf: Readonly<Partial<Record<NodeJS.Architecture, readonly number[]>>> = {
  x64: [92, 93, 94, 260],
  arm64: [54, 55],
  riscv64: [54, 55],
  loong64: [54, 55],
};

/** For `pretend`: nothing inside changes an owner, and is told that it has; undefined where nobody knows the numbers. */
export const noOwners = chownsOf[process.arch]?.join(',');

/**
 * What the script is called with. `nonce` marks the end of each step; nothing inside can know it. `memory`: bytes that a
 * step may ask for to write to.
 */
export function scriptArguments(
  root: string,
  nonce: string,
  memory: number,
  parts: readonly Part[],
  asks: readonly Ask[],
): string[] {
  return [
    root,
    nonce,
    String(memory),
    ...(numbersOf[process.arch] ?? unknown).map(String),
    ...parts.flat(),
    '--',
    ...asks.flatMap((words) => [String(words.length), ...words]),
  ];
}

/** The script: sandbox.pl beside this file. */
export const script: string = typeof __SANDBOX__ === 'string' ? __SANDBOX__ : textBeside(import.meta.url, 'sandbox.pl');
