// The rsync wire from a sender's side: numbers, frames, indexes and file list entries (rsync's io.c and flist.c).
// Everything blocks, as in rsync itself: a lie is then told in the order in which it is written down.
import { Buffer } from 'node:buffer'
import { readSync, writeSync } from 'node:fs'

/** Tags of multiplexed frames. */
export const tags = {
  data: 0, errorXfer: 1, info: 2, error: 3, warning: 4, errorSocket: 5, log: 6, client: 7, errorUtf8: 8, redo: 9, stats: 10,
  ioError: 22, ioTimeout: 33, noop: 42, errorExit: 86, success: 100, deleted: 101, noSend: 102,
}

/** Flags of an item, as rsync.h has them. */
export const item = { timeChanged: 0x8, permissions: 0x10, basisFollows: 0x800, nameFollows: 0x1000, isNew: 0x2000, transfer: 0x8000 }

/** An index that means "done", and the one behind which the client tells what it has deleted. */
export const [done, deletions] = [-1, -3]

/** int32, little-endian. */
export function int(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value | 0)
  return bytes
}

/** uint16, little-endian. */
export function short(value) {
  return Buffer.from([value & 0xff, value >> 8])
}

/** A number in as few bytes as it needs, at least `least`; the leading ones of the first byte say how many follow. */
export function varlong(value, least) {
  const bytes = Buffer.alloc(9)
  bytes.writeBigInt64LE(BigInt(value), 1)
  let count = 8
  while (count > least && bytes[count] === 0) count--
  const bit = 1 << (7 - count + least)
  if (bytes[count] >= bit) bytes[0] = ~(bit - 1) & 0xff, count++
  else bytes[0] = count > least ? bytes[count] | (~(bit * 2 - 1) & 0xff) : bytes[count]
  return bytes.subarray(0, count)
}

export const varint = (value) => varlong(value, 1)

/** One frame: a tag, a length, the bytes. */
export function frame(tag, bytes) {
  return Buffer.concat([int((((tag + 7) << 24) >>> 0) + bytes.length), bytes])
}

/** The list's types, as they stand in a mode. */
const typeBits = { file: 0o100000, folder: 0o040000, symlink: 0o120000, fifo: 0o010000, socket: 0o140000, block: 0o060000, character: 0o020000 }

/** One entry of the file list: flags that always work, name (`shared`: so many bytes of it as in the entry before), size, time, mode. */
export function listEntry({ path, type = 'file', size = 0, mtime = 0, mode = type === 'folder' ? 0o700 : 0o600, flags = 0, shared = 0 }) {
  const name = Buffer.from(path, 'latin1').subarray(shared)
  const isLong = name.length > 255
  const bits = 0x04 | 0x08 | 0x10 | (isLong ? 0x40 : 0) | (shared > 0 ? 0x20 : 0) | (path === '.' ? 0x01 : 0) | flags
  return Buffer.concat([
    short(bits), Buffer.from(shared > 0 ? [shared] : []), isLong ? varint(name.length) : Buffer.from([name.length]), name,
    varlong(size, 3), varlong(mtime, 4), int(typeBits[type] | mode),
  ])
}

/** Writes and reads indexes: each is told as its difference to the last one of the same sign. */
export class Indexes {
  #positive = -1
  #negative = 1

  write(index) {
    if (index === done) return Buffer.from([0])
    const head = index < 0 ? [0xff] : []
    const value = Math.abs(index)
    const difference = value - (index < 0 ? this.#negative : this.#positive)
    this.#remember(index)
    if (difference > 0 && difference < 0xfe) return Buffer.from([...head, difference])
    if (difference >= 0 && difference <= 0x7fff) return Buffer.from([...head, 0xfe, difference >> 8, difference & 0xff])
    return Buffer.from([...head, 0xfe, (value >>> 24) | 0x80, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff])
  }

  /** `read(n)` gives the next n bytes. */
  read(read) {
    const [first] = read(1)
    if (first === 0) return done
    const sign = first === 0xff ? -1 : 1
    const value = this.#readValue(sign === -1 ? read(1)[0] : first, sign === -1 ? this.#negative : this.#positive, read)
    this.#remember(sign * value)
    return sign * value
  }

  #readValue(byte, before, read) {
    if (byte !== 0xfe) return before + byte
    const [high, low] = read(2)
    if ((high & 0x80) === 0) return before + high * 256 + low
    const [b, c] = read(2)
    return ((high & 0x7f) << 24) + low + (b << 8) + (c << 16)
  }

  #remember(index) {
    if (index < 0) this.#negative = -index
    else this.#positive = index
  }
}

/** Writes all of `bytes` to a pipe; false when its reader has gone. */
export function write(to, bytes) {
  for (let from = 0; from < bytes.length;) {
    try {
      from += writeSync(to, bytes, from)
    } catch (error) {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') return false
      if (error.code !== 'EAGAIN') throw error
      pause(1) // Node has made stdin, which may be the same socket, a non-blocking one; poll(2) it has not
    }
  }
  return true
}

/** Stands still for so many milliseconds. */
export function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** What the client sends: first plain, then in frames, of which only the data counts. */
export class Reader {
  #plain = Buffer.alloc(0)
  #data = Buffer.alloc(0)
  isFramed = false

  /** The next n bytes. Ends the process when the client has gone. */
  bytes = (n) => {
    while (this.#data.length < n) this.#data = Buffer.concat([this.#data, this.isFramed ? this.#frame() : this.#pull(n - this.#data.length)])
    const taken = this.#data.subarray(0, n)
    this.#data = this.#data.subarray(n)
    return taken
  }

  int() {
    return this.bytes(4).readInt32LE()
  }

  /** Takes so many varints; nobody asks what they say. */
  skipVarints(count) {
    for (let n = 0; n < count; n++) this.bytes(Math.clz32(~this.bytes(1)[0] << 24))
  }

  #frame() {
    const header = this.#pull(4).readUInt32LE()
    const bytes = this.#pull(header & 0xffffff)
    return (header >>> 24) - 7 === tags.data ? bytes : Buffer.alloc(0)
  }

  #pull(n) {
    const chunk = Buffer.allocUnsafe(65536)
    while (this.#plain.length < n) {
      const length = readSync(0, chunk)
      if (length === 0) process.exit(0)
      this.#plain = Buffer.concat([this.#plain, chunk.subarray(0, length)])
    }
    const taken = this.#plain.subarray(0, n)
    this.#plain = this.#plain.subarray(n)
    return taken
  }
}
