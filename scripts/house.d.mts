import type { ESLint } from 'eslint';

export const house: [files: RegExp, mayImport: string[]][];
export const plugin: ESLint.Plugin;
