// Bundles src/main.ts into dist: main.js, which loads one of two parts, short.js for commands that must start fast and
// whole.js for all. CommonJS, because Node loads that faster than modules. Usage: node scripts/build.mjs [ENTRY [OUTDIR]]
import { chmod, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { build } from 'esbuild'
import { completions, optionsFor } from './esbuild.mjs'

const root = resolve(import.meta.dirname, '..')
const ours = { main: 'src/main.ts', short: 'src/cli/short.ts', whole: 'src/cli/whole.ts' }
const entryPoints = process.argv[2] === undefined ? ours : { main: resolve(process.argv[2]) }
const dist = resolve(process.argv[3] ?? join(root, 'dist'))
const fresh = `${dist}.new-${process.pid}`
const started = new Date()

// Each part stands alone, so main.js must not hold it.
const parts = {
  name: 'parts',
  setup({ onResolve }) {
    onResolve({ filter: /\/cli\/(short|whole)\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./${basename(path, '.ts')}.js`, external: true } : undefined)
  },
}

// How a way to tell looks, and how alerts are brought, only commands of whole.js ask: short.js goes without the 250 KB that mail needs.
const lean = {
  name: 'lean',
  setup({ onResolve }) {
    onResolve({ filter: /\/(look-at-[a-z]+|transport|by-program)\.ts$/ }, ({ path }) => ({ path, external: true }))
  },
}

try {
  const { short, ...large } = entryPoints
  await bundle(large, [parts])
  if (short !== undefined) await bundle({ short }, [parts, lean])
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
