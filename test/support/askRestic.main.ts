/** The process of its own that asks restic: the question is its argument, the answer its output. */
import { answer, type Question } from './askRestic.ts';

process.stdout.write(JSON.stringify(await answer(JSON.parse(process.argv[2] ?? '') as Question)));
