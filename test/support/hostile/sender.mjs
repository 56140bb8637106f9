// A sender that speaks rsync's protocol 31 by itself: an honest dialogue from the files below a folder, and at each
// point the lie that was ordered (words.ts says in which words). No incremental recursion, no negotiated checksums, MD5.
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Acts } from './acts.mjs'
import { deletions, done, frame, Indexes, int, item, listEntry, Reader, short, tags, varint, varlong } from './wire.mjs'

/** Holds the dialogue from the first byte to the last. */
export function speak(lie, root) {
  const client = new Reader()
  const acts = new Acts(lie.acts)
  const send = (bytes) => acts.out(frame(tags.data, bytes))
  acts.at('connect')
  acts.out(int(31))
  client.int()
  acts.out(Buffer.concat([Buffer.from([0x2a]), int(20_261_123)])) // compatibility flags, checksum seed
  client.isFramed = true
  acts.at('preamble')
  const filters = readFilters(client)
  const isListed = listedBy(lie.pass === undefined ? filters : [`+ /${lie.pass}/`])
  const isFetch = process.argv.includes('--from0')
  const names = isFetch ? readNames(client) : ['.', ...readdirSync(root, { recursive: true }).filter(isListed)]
  const entries = edited(honestList(root, names), lie.list ?? {}, (path) => isFetch || isListed(path))
  acts.at('filters')
  sendList(entries, lie, acts, send)
  acts.at('listed')
  const asked = new Indexes()
  answer({ client, acts, send, root, lie, entries: sorted(entries), asked })
  acts.at('stats')
  send(Buffer.concat([1, 1, 1, 0, 0].map((n) => varlong(n, 3))))
  goodbye(client, asked)
  send(Buffer.from([0]))
  goodbye(client, asked)
  acts.at('end')
}

/** Who goes before the client has said its last word breaks the connection for it. */
function goodbye(client, asked) {
  while (asked.read(client.bytes) === deletions) client.skipVarints(5)
}

function readFilters(client) {
  const rules = []
  for (let length = client.int(); length > 0; length = client.int()) rules.push(client.bytes(length).toString('latin1'))
  return rules
}

/** `--files-from`: each ended by a NUL, an empty one ends all. With the folders that they imply. */
function readNames(client) {
  const names = new Set()
  for (let name = readName(client); name !== ''; name = readName(client)) {
    for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1)) names.add(name.slice(0, slash))
    names.add(name)
  }
  return [...names]
}

function readName(client) {
  let name = ''
  for (let [byte] = client.bytes(1); byte !== 0; [byte] = client.bytes(1)) name += String.fromCharCode(byte)
  return name
}

/** What the filters of a pass let through: who lists more is stopped by our rsync, and no lie is told. */
function listedBy(filters) {
  const only = ['snapshots', 'data'].find((name) => filters.includes(`+ /${name}/`))
  const top = (path) => path.replace(/^(\.?\/)+/, '').split('/')[0]
  return (path) => (only === undefined ? !['snapshots', 'data', 'locks'].includes(top(path)) : top(path) === only)
}

function honestList(root, names) {
  return new Map(names.map((path) => {
    const stats = lstatSync(join(root, path))
    const [type, size] = stats.isDirectory() ? ['folder', 4096] : ['file', stats.size]
    return [path, { path, type, size, mtime: Math.floor(stats.mtimeMs / 1000) }]
  }))
}

/** `list` of a lie: by path, what is said otherwise in the call that lists it; null: nothing is said; `folders`: of all folders. */
function edited(entries, { folders = {}, ...changes }, isListed) {
  for (const entry of entries.values()) if (entry.type === 'folder') Object.assign(entry, folders)
  for (const [path, change] of Object.entries(changes)) {
    if (change === null) entries.delete(path)
    else if (entries.has(path) || isListed(path)) entries.set(path, { path, mtime: 1_700_000_000, ...entries.get(path), ...change })
  }
  return entries
}

function sendList(entries, lie, acts, send) {
  const all = [...entries.values()]
  all.slice(0, Math.ceil(all.length / 2)).forEach((entry) => send(listEntry(entry)))
  acts.at('list')
  if (entries.has(lie.moreEntries?.below.split('/')[0])) sendMore(lie.moreEntries, send)
  all.slice(Math.ceil(all.length / 2)).forEach((entry) => send(listEntry(entry)))
  send(lie.listError === undefined ? Buffer.from([0]) : Buffer.concat([short(0x1004), varint(lie.listError)]))
}

/** Invented entries, thousand by thousand: with a number or a hash for a name, or in long folders that take turns, of which rsync keeps each anew. */
function sendMore({ count, below, name }, send) {
  const entriesFrom = (first, entry) => Buffer.concat(Array.from({ length: 1000 }, (_, n) => listEntry({ size: 1, ...entry(first + n) })))
  const numbered = (n) => ({ path: `${below}${name === 'hash' ? hashOf(n) : n}` })
  if (name !== 'long') for (let n = 0; n < count; n++) send(entriesFrom(n * 1000, numbered))
  else {
    const folder = `${below}${'x'.repeat(240)}`
    send(listEntry({ path: folder }))
    const always = entriesFrom(0, (entry) => ({ path: `${folder}${entry % 2}/x`, shared: folder.length }))
    for (let n = 0; n < count; n++) send(always)
  }
}

/** A pack's name below data/ab. */
function hashOf(n) {
  return createHash('sha256').update(`${n}`).digest('hex').replace(/^../, 'ab')
}

/** As the client sorts: in each folder the files before the folders. */
function sorted(entries) {
  const key = ({ path, type }) => path.split('/').map((part, n, all) => (n < all.length - 1 || type === 'folder' ? `\xff${part}` : part)).join('\0')
  const keyed = [...entries.values()].map((entry) => [entry.path === '.' ? '' : key(entry), entry])
  return keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
}

/** Answers what the client asks, three times until "done": twice for its phases, once for its end. */
function answer({ client, acts, send, root, lie, entries, asked }) {
  const told = new Indexes()
  const echo = (index, flags, extra = []) => send(Buffer.concat([told.write(index), short(flags), ...extra]))
  for (let ends = 0; ends < 3;) {
    const index = asked.read(client.bytes)
    if (index === done) {
      acts.at(`done ${++ends}`)
      send(Buffer.from([0]))
      continue
    }
    const flags = client.bytes(2).readUInt16LE()
    if (flags & item.basisFollows) client.bytes(1)
    const entry = entries[index] ?? { path: '?' }
    const how = lie.echo?.[entry.path] ?? lie.echo?.['*']
    acts.at('asked')
    acts.at(`asked ${entry.path}`)
    const isFile = (flags & item.transfer) !== 0 && process.argv.includes('--from0')
    const sums = isFile ? client.bytes(16) : Buffer.alloc(0)
    if (how === 'drop') continue
    for (const extra of how?.also ?? []) for (let n = 0; n < (extra.times ?? 1); n++) tell(extra, flags)
    const say = () => {
      echo(index, how?.flags ?? flags)
      if (isFile) sendFile(sums, lie.data?.[entry.path] ?? {}, join(root, entry.path), { acts, send, root })
    }
    say()
    if (how === 'twice') say()
  }

  /** An index that nobody asked for, by path or number, perhaps with content. */
  function tell({ path, index = entries.findIndex((entry) => entry.path === path), flags: other, content }, flags) {
    echo(index, other ?? flags)
    if (content !== undefined) sendFile(Buffer.alloc(16), { text: content }, '', { acts, send, root })
  }
}

/** rsync 3.2 takes no longer ones. */
const longestToken = 32_768

/** The sums that were asked for, the content as tokens, its MD5. */
function sendFile(sums, how, path, { acts, send, root }) {
  const content = contentOf(how, path, root)
  send(sums)
  const half = content.subarray(0, content.length >> 1)
  const rest = content.subarray(half.length)
  const sum = createHash('md5')
  const tokens = (bytes) => {
    sum.update(bytes)
    for (let from = 0; from < bytes.length; from += longestToken) {
      const token = bytes.subarray(from, from + longestToken)
      send(Buffer.concat([int(token.length), token]))
    }
  }
  tokens(half)
  acts.at('file')
  for (let n = 0; n < (how.chunks ?? 0); n++) tokens(Buffer.alloc(longestToken, n & 0xff))
  tokens(rest)
  if (how.wrongSum) sum.update('no')
  send(Buffer.concat([int(0), sum.digest()]))
}

/** `of`: another file's content; `flipped`: a bit; `cut`: so many bytes less; `more`: a text behind it. */
function contentOf({ text, of, flipped, cut = 0, more = '' }, path, root) {
  const honest = text === undefined ? readFileSync(of === undefined ? path : join(root, of)) : Buffer.from(text)
  if (flipped) honest[honest.length >> 1] ^= 1
  return Buffer.concat([honest.subarray(0, honest.length - cut), Buffer.from(more)])
}
