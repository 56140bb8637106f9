/** Another processor than this machine's: Node's word for it alone, which is what tells us the numbers of system calls. */
import type { Ending } from './temporary.ts';

/** Until the end of a test Node calls its processor `mips`, whose numbers nobody wrote down: it works without the calls. */
export function onUnknownProcessor(t: Ending): void {
  const own = Object.getOwnPropertyDescriptor(process, 'arch')!;
  Object.defineProperty(process, 'arch', { ...own, value: 'mips' });
  t.after(() => { Object.defineProperty(process, 'arch', own); });
}
