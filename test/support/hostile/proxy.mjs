// A liar in the middle: a real `rsync --server --sender` does the talking, and its frames are changed on their way.
import { Buffer } from 'node:buffer'
import { spawn } from 'node:child_process'
import { Acts } from './acts.mjs'
import { frame, tags } from './wire.mjs'

/** Its version, one byte of compatibility flags, the checksum seed: then the frames begin. */
const preambleLength = 9

/**
 * `acts` at: preamble, frame N (before the nth), end. `replace`: bytes for bytes in what the frames carry; `drop`:
 * frames that are left out; `only`: the nth call alone is lied to (default: each).
 */
export function relay(lie, args) {
  const acts = new Acts(lie.acts)
  const server = spawn('rsync', args.map(withoutNegotiation), { stdio: ['pipe', 'pipe', 'inherit'] })
  process.stdin.pipe(server.stdin)
  server.stdin.on('error', () => undefined)
  let rest = Buffer.alloc(0)
  let count = -1 // the preamble is not counted
  server.stdout.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (let length = nextLength(); length <= rest.length; length = nextLength()) {
      pass(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  })
  server.on('close', (code) => {
    acts.out(rest)
    acts.at('end')
    process.exit(code ?? 255)
  })

  function nextLength() {
    if (count < 0) return preambleLength
    return rest.length < 4 ? Infinity : 4 + (rest.readUInt32LE() & 0xffffff)
  }

  function pass(bytes) {
    count++
    if (count === 0) return acts.out(bytes)
    acts.at(count === 1 ? 'preamble' : `frame ${count}`)
    const tag = (bytes.readUInt32LE() >>> 24) - 7
    if (!lie.drop?.includes(count)) acts.out(tag === tags.data ? changed(bytes) : bytes)
  }

  function changed(bytes) {
    let text = bytes.toString('latin1', 4)
    for (const [from, to] of lie.replace ?? []) text = text.replaceAll(from, to)
    return frame(tags.data, Buffer.from(text, 'latin1'))
  }
}

/** Without the letters by which checksums are negotiated, so that the preamble has a known length. */
function withoutNegotiation(arg) {
  return arg.replace(/^(-\w*e\d*\.\w*)$/, (all) => all.replace(/[vu]/g, ''))
}
