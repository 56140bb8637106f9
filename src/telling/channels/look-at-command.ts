/** What `doctor` sees of the program for alerts. Import it lazily: it is large. */
import { bad, good, type Verdict } from '../../doctor/checkup.ts';
import { asFailure } from '../../errors.ts';
import { findProgram } from '../../programs/process.ts';

/** Whether the program is there; what it would do only `alert test` shows. */
export function lookAtCommand([program = '', ...args]: readonly string[]): Verdict {
  try {
    return good([findProgram(program, ''), ...args].join(' '));
  } catch (error) {
    return bad(asFailure(error).message, 'name a program that this user may run (chmod +x): alerts.command');
  }
}
