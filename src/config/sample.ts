/** What `config generate` prints: sample.yaml, with every key and its default. */
import { textBeside } from '../beside.ts';

declare const __SAMPLE__: string | undefined;

/**
 * A key right behind a `#` is optional and has no default; with all those `#` taken away the file is valid as well. The build
 * fills it in.
 */
export const sampleConfig: string =
  typeof __SAMPLE__ === 'string' ? __SAMPLE__ : textBeside(import.meta.url, 'sample.yaml');
