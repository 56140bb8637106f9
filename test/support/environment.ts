/** Variables of this process, for one test. */
import type { Ending } from './temporary.ts';

/** Sets them, and puts back what was there when the test ends. */
export function setVariables(t: Ending, variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const kept = process.env[name];
    process.env[name] = value;
    t.after(() => {
      if (kept === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = kept;
    });
  }
}
