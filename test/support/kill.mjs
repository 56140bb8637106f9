// Loaded into the program before anything else (expiry.test.ts): it is ended by SIGKILL just before its nth change
// of the disk, counted from the first that names a file under `expired`.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const nth = Number(process.env.KILL_AT)
let count = 0
for (const name of ['mkdirSync', 'renameSync', 'rmSync', 'openSync', 'writeFileSync', 'fsyncSync', 'ftruncateSync']) {
  const real = fs[name]
  fs[name] = (...args) => {
    if (count > 0 || args.some((arg) => typeof arg === 'string' && arg.includes('/expired'))) count += 1
    if (count === nth) process.kill(process.pid, 'SIGKILL')
    return real(...args)
  }
}
syncBuiltinESMExports()
