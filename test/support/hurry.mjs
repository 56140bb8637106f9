// Loaded into the program before anything else (hurry.ts): its clock of stalls or of deadlines jumps ahead by an hour for
// each byte of HURRY_FILE. Who waits for longer than a moment looks again at each jump, which is then noted beside the file.
import { statSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { clearInterval, setInterval } from 'node:timers'

const { HURRY_FILE: file, HURRY_CLOCK: clock } = process.env
const jumps = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0
const ahead = () => jumps() * 3_600_000
const { now } = performance
const since1970 = Date.now
const wait = globalThis.setTimeout

if (clock === 'stall') Object.defineProperty(performance, 'now', { value: () => now.call(performance) + ahead() })
else Date.now = () => since1970() + ahead()

globalThis.setTimeout = (work, ms, ...rest) => {
  if (!(ms > 900)) return wait(work, ms, ...rest)
  const [start, seen] = [now.call(performance), jumps()]
  const timer = setInterval(() => {
    const current = jumps()
    if (current === seen && now.call(performance) - start < ms) return
    clearInterval(timer)
    work(...rest)
    writeFileSync(`${file}.seen`, String(current))
  }, 50)
  return timer
}
