// Bundles test files, each into one file that node runs as it is, because tsx costs each half a second. Prints their paths.
// Usage: node scripts/bundle-tests.mjs OUTDIR FILE…
import { readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const [outdir, ...files] = process.argv.slice(2)

// A test finds fixtures and scripts beside itself: each module keeps the address that it had.
const addresses = {
  name: 'addresses',
  setup({ onLoad }) {
    onLoad({ filter: /\/(test|src|scripts)\/.*\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      return { contents: `const moduleAddress = ${JSON.stringify(pathToFileURL(path).href)}; ${text}`, loader: 'ts' }
    })
  },
}

await build({
  absWorkingDir: root,
  entryPoints: files,
  outdir,
  outbase: root,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: 'inline',
  define: { 'import.meta.url': 'moduleAddress' },
  plugins: [addresses],
  logLevel: 'warning',
})
for (const file of files) console.log(join(outdir, relative(root, resolve(file))).replace(/\.ts$/, '.mjs'))
