// Bundles src/main.ts into dist: main.js, which loads one of three parts (src/cli/parts.ts): short.js for commands that must
// start fast, night.js for the nights, whole.js for all. CommonJS, because Node loads that faster than modules.
// Usage: node scripts/build.mjs [ENTRY [OUTDIR]]
import { chmod, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { build } from 'esbuild'
import { completions, optionsFor } from './esbuild.mjs'
import { late } from './late.mjs'

const root = resolve(import.meta.dirname, '..')
const parts = { short: 'src/cli/short.ts', night: 'src/cli/night.ts', whole: 'src/cli/whole.ts' }
// What is large and seldom needed, and shares no class with anything: files of their own, which are read when they are needed.
const aside = { mailer: 'nodemailer', completions: 'src/cli/completions.ts', page: 'src/looking/report/page-parts.ts' }
const ours = { main: 'src/main.ts', ...parts, ...aside }
const entryPoints = process.argv[2] === undefined ? ours : { main: resolve(process.argv[2]) }
const dist = resolve(process.argv[3] ?? join(root, 'dist'))
const fresh = `${dist}.new-${process.pid}`
const started = new Date()

// Each part stands alone, so main.js must not hold it; nobody holds what is aside.
const apart = {
  name: 'apart',
  setup({ onResolve }) {
    const elsewhere = (name) => ({ path: `./${name}.js`, external: true })
    onResolve({ filter: /\/cli\/(short|night|whole)\.ts$/ }, ({ kind, path }) => (kind === 'dynamic-import' ? elsewhere(basename(path, '.ts')) : undefined))
    for (const [name, entry] of Object.entries(aside)) {
      const filter = new RegExp(`^(.*/)?${basename(entry)}$`)
      onResolve({ filter }, ({ kind }) => (kind === 'entry-point' ? undefined : elsewhere(name)))
    }
  },
}

// How a way to tell looks, and how alerts are brought, only commands of the other parts ask.
const lean = {
  name: 'lean',
  setup({ onResolve }) {
    onResolve({ filter: /\/(look-at-[a-z]+|transport|by-program)\.ts$/ }, ({ path }) => ({ path, external: true }))
  },
}

try {
  const { short, ...large } = entryPoints
  await bundle(large, [apart, late])
  if (short !== undefined) await bundle({ short }, [lean, apart, late])
  await finish()
} catch (error) {
  // esbuild has printed its own errors.
  if (!Array.isArray(error?.errors)) console.error(error)
  process.exitCode = 1
} finally {
  await rm(fresh, { recursive: true, force: true })
}

async function bundle(entries, plugins) {
  await build({
    ...await optionsFor(root),
    entryPoints: entries,
    outdir: fresh,
    format: 'cjs',
    supported: { 'dynamic-import': false },
    sourcemap: true,
    plugins,
  })
}

// Moves the new bundle in place, each file atomically, main.js last.
async function finish() {
  const main = join(fresh, 'main.js')
  // esbuild keeps the entry's line.
  if (!(await readFile(main, 'utf8')).startsWith('#!/usr/bin/env node\n')) {
    throw new Error(`${entryPoints.main} must begin with #!/usr/bin/env node`)
  }
  await chmod(main, 0o755)
  // scripts/setup compares this time with the sources': what was saved while we were building is newer.
  await utimes(main, started, started)
  if (entryPoints === ours) await writeCompletions()
  await writeFile(join(fresh, 'package.json'), '{ "type": "commonjs" }\n')

  await mkdir(dist, { recursive: true })
  const files = await readdir(fresh)
  for (const name of [...files.filter((each) => each !== 'main.js'), 'main.js']) await rename(join(fresh, name), join(dist, name))
}

// For packages: each under the name that its shell looks for.
async function writeCompletions() {
  const { bash, zsh, fish } = completions(root)
  const folder = join(dist, 'completion')
  await mkdir(folder, { recursive: true })
  const files = { 'rsync-ratchet.bash': bash, '_rsync-ratchet': zsh, 'rsync-ratchet.fish': fish }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
}
