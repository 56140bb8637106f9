/**
 * How the script is called that stands between the namespaces and restic (sandbox.pl). Perl, because it is on every Debian
 * (perl-base) and makes folders, links, copies and a chroot without starting a program for each. All mounts are one start of mount(8).
 */
import { textBeside } from '../beside.ts';

declare const __SANDBOX__: string | undefined;

/** The script's exit code where it cannot read the password. */
export const passwordRefused = 96;
/** Its exit code where it is the overlay that the kernel refuses. */
export const overlayRefused = 98;

/**
 * What the view is made of, in this order; `to` is a path below the root. `copy`, `copy-all`: a file, the files of a folder.
 * `show`, `show-programs`: a file or a folder, read-only, the latter with what is mounted below. `overlay`, `overlay-writable`:
 * a folder of the repository, `from` is lowerdir of mount(2); what is written is kept in memory. `hide`, `stand-ins`: files of
 * the repository that a file names.
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
  | 'hide'
  | 'stand-ins';

/** What is asked in the view: a command, a command for each index, or the name of a file that may not be read. */
export type Ask = readonly [kind: 'each index' | 'once', ...words: string[]];

/** ioprio_set(2)'s number, which Perl does not know. */
const ioprioSetOf: Readonly<Partial<Record<NodeJS.Architecture, number>>> = {
  x64: 251,
  arm64: 30,
  riscv64: 30,
  loong64: 30,
  arm: 314,
  ia32: 289,
  ppc64: 273,
  s390x: 282,
};

/** What the script is called with. `nonce` marks the end of each step; nothing inside can know it. */
export function scriptArguments(root: string, nonce: string, parts: readonly Part[], asks: readonly Ask[]): string[] {
  return [
    root,
    nonce,
    String(ioprioSetOf[process.arch] ?? -1),
    ...parts.flat(),
    '--',
    ...asks.flatMap((words) => [String(words.length), ...words]),
  ];
}

/** The script: sandbox.pl beside this file. */
export const script: string = typeof __SANDBOX__ === 'string' ? __SANDBOX__ : textBeside(import.meta.url, 'sandbox.pl');
