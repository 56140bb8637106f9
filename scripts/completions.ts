/** Prints what `completion` prints, for the build: JSON, a text for each shell. */
import { completionScript, shells } from './completion-script.ts';
import { wholePage } from './man-pages.ts';

const page = wholePage();
process.stdout.write(JSON.stringify(Object.fromEntries(shells.map((shell) => [shell, completionScript(page, shell)]))));
