/** Cold caches: the usual state of a machine that has done something else all day (proc_sys_vm(5), drop_caches). */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';

const file = '/proc/sys/vm/drop_caches';

export function mayForgetCaches(): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What is dirty is written first, because it stays in the caches otherwise. */
export function forgetCaches(): void {
  execFileSync('sync');
  writeFileSync(file, '3');
}
