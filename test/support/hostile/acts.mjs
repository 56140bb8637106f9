// What a liar does at a moment besides what it says: text, silence, an end. And its one way out, stdout.
import { Buffer } from 'node:buffer'
import { appendFileSync, readSync, writeFileSync } from 'node:fs'
import { frame, pause, write } from './wire.mjs'

/** Tells when acts are due, and writes to the client. */
export class Acts {
  #acts
  #isSlow = false
  #taken = 0
  #noted = 0

  /** `acts`: by moment, what is done then, in order; each moment's acts are done once. */
  constructor(acts = {}) {
    this.#acts = new Map(Object.entries(acts))
  }

  at(moment) {
    const due = this.#acts.get(moment) ?? []
    this.#acts.delete(moment)
    due.forEach((act) => this.#do(act))
  }

  /** Writes to the client. Ends the process when it has gone. */
  out(bytes) {
    if (this.#isSlow) return bytes.forEach((byte) => { pause(1000); this.#write(Buffer.from([byte])) })
    this.#write(bytes)
  }

  #write(bytes) {
    if (!write(1, bytes)) process.exit(0)
    this.#taken += bytes.length
    if (this.#taken - this.#noted > 1 << 20) this.note()
  }

  /** Writes down how many bytes the client has taken, for the test to see. */
  note() {
    this.#noted = this.#taken
    if (process.env.LIAR_TAKEN) writeFileSync(process.env.LIAR_TAKEN, String(this.#taken))
  }

  #do({ tag, text = '', bytes, repeat = 1, times = 1, raw, stderr, hang, slow, exit, every = 0, deaf, hour }) {
    if (hour && !hang) passHour()
    if (raw !== undefined) this.out(Buffer.from(raw))
    if (tag !== undefined) {
      const one = frame(tag, bytes === undefined ? Buffer.from(text.repeat(repeat), 'latin1') : Buffer.from(bytes))
      for (let n = 0; n < times; n++) {
        pause(every)
        this.out(one)
      }
    }
    if (stderr !== undefined) write(2, Buffer.from('serverA complains at length. '.repeat(Math.ceil(stderr / 29))))
    if (slow) this.#isSlow = true
    if (hang) waitForEnd(hour ? passHour : () => undefined)
    if (deaf) for (;;) pause(1 << 30)
    if (exit !== undefined) process.exit(exit)
  }
}

/** For one of our side's clocks. */
function passHour() {
  appendFileSync('hours', '.')
}

/** Says nothing until the client has gone; `meanwhile`: about once a second. */
function waitForEnd(meanwhile) {
  void process.stdin // Node makes it a non-blocking one
  for (let n = 0; hears(); n++) {
    if (n % 100 === 0) meanwhile()
    pause(10)
  }
  process.exit(0)
}

/** Whether the client is there still. */
function hears() {
  const sink = Buffer.alloc(65536)
  try {
    while (readSync(0, sink) > 0);
    return false
  } catch (error) {
    return error.code === 'EAGAIN'
  }
}
