/** A process of its own: scrubs the repository of the configuration argv[2] and kills itself after argv[3] files. */
import { scrub } from '../../src/scrub/scrub.ts';
import { optionsOf } from './replica.ts';

const [, , file = '', count] = process.argv;
await scrub(optionsOf(file, new AbortController().signal), {
  share: undefined, repair: false, rememberEvery: 0,
  onProgress: ({ files }) => { if (files === Number(count)) process.kill(process.pid, 'SIGKILL'); },
});
