// Bundles src/main.ts into dist/main.js. Parts that are imported lazily become chunks of their own, so that the
// short commands start fast. Usage: node scripts/build.mjs [ENTRY [OUTDIR]]
import { chmod, mkdir, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { optionsFor, requireLine } from './esbuild.mjs'

const root = resolve(import.meta.dirname, '..')
const entry = resolve(process.argv[2] ?? join(root, 'src/main.ts'))
const dist = resolve(process.argv[3] ?? join(root, 'dist'))
const fresh = `${dist}.new-${process.pid}`
const started = new Date()

try {
  await build({
    ...await optionsFor(root, entry),
    outdir: fresh,
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    sourcemap: true,
    banner: { js: requireLine },
  })
  await finish()
} catch (error) {
  // esbuild has printed its own errors.
  if (!Array.isArray(error?.errors)) console.error(error)
  process.exitCode = 1
} finally {
  await rm(fresh, { recursive: true, force: true })
}

// Moves the new bundle in place: chunks first (their names carry a hash, so none is overwritten with another), main.js
// last and atomically. So a program that starts meanwhile finds either the old bundle or the new one, each complete.
async function finish() {
  const main = join(fresh, 'main.js')
  // Only the entry may have the line, and esbuild keeps it: a banner would put it into every chunk.
  if (!(await readFile(main, 'utf8')).startsWith('#!/usr/bin/env node\n')) {
    throw new Error(`${entry} must begin with #!/usr/bin/env node`)
  }
  await chmod(main, 0o755)
  // scripts/setup compares this time with the sources': what was saved while we were building is newer.
  await utimes(main, started, started)

  await mkdir(join(dist, 'chunks'), { recursive: true })
  const chunks = await readdir(join(fresh, 'chunks')).catch(() => [])
  for (const name of chunks) await rename(join(fresh, 'chunks', name), join(dist, 'chunks', name))
  await rename(`${main}.map`, join(dist, 'main.js.map'))
  await rename(main, join(dist, 'main.js'))
  await removeStale(join(dist, 'chunks'), new Set(chunks))
}

// Chunks of earlier builds stay for an hour, for programs that are running now and load their lazy parts later.
async function removeStale(folder, current) {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const info = current.has(name) ? undefined : await stat(path).catch(() => undefined)
    if (info !== undefined && started - info.mtime > 3_600_000) await rm(path, { force: true })
  }
}
