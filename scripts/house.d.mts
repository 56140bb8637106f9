import type { ESLint } from 'eslint';

export const house: [files: RegExp, mayImport: string[]][];
/** What few may have: a file below src, names of it, and who. */
export const reserved: [file: string, names: string[], who: RegExp][];
export const plugin: ESLint.Plugin;
