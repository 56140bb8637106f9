/** The signals that end a program in an orderly way. */
import { Interrupted } from '../errors.ts';

/** Aborted with Interrupted by the first SIGINT, SIGTERM or SIGHUP. Made once, before anything that must be tidied up. */
export function signalsOfProcess(): AbortSignal {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interrupt.abort(new Interrupted(signal));
    });
  }
  return interrupt.signal;
}
