// Loaded into the program before anything else: it kills itself before its KILL_BEFOREth change of a name below KILL_BELOW.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

let left = Number(process.env.KILL_BEFORE)
for (const name of ['linkSync', 'mkdirSync', 'renameSync', 'rmSync', 'unlinkSync']) {
  const real = fs[name]
  fs[name] = (...args) => {
    if (String(args[0]).startsWith(process.env.KILL_BELOW) && --left === 0) process.kill(process.pid, 'SIGKILL')
    return real(...args)
  }
}
syncBuiltinESMExports()
