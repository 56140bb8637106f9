// Loaded into the program before anything else (night.ts, clockAhead): its clock is ahead by CLOCK_AHEAD milliseconds.
const Real = Date
const ahead = Number(process.env.CLOCK_AHEAD)
globalThis.Date = class extends Real {
  constructor(...when) {
    super(...(when.length === 0 ? [Real.now() + ahead] : when))
  }

  static now() {
    return Real.now() + ahead
  }
}
