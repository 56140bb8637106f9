// How src/main.ts is bundled, for build.mjs (folder dist, in two parts) and bundle.mjs (one file).
import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

/** The options that both share. */
export async function optionsFor(root) {
  const { script, style } = await page(root)
  const { bash, zsh, fish } = completions(root)
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  return {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    minify: true,
    // Strings, not one object: esbuild would put an object where every part of the program loads it.
    define: {
      // Only what runs without a build reads files beside itself.
      'import.meta.url': '""',
      __VERSION__: JSON.stringify(version),
      __COMPLETION_BASH__: JSON.stringify(bash),
      __COMPLETION_ZSH__: JSON.stringify(zsh),
      __COMPLETION_FISH__: JSON.stringify(fish),
      __PAGE_SCRIPT__: JSON.stringify(script),
      __PAGE_STYLE__: JSON.stringify(style),
      __SANDBOX__: JSON.stringify(await readFile(join(root, 'src/programs/sandbox.pl'), 'utf8')),
      __MANUAL__: JSON.stringify(JSON.stringify(await manual(root))),
      __SAMPLE__: JSON.stringify(await readFile(join(root, 'src/config/sample.yaml'), 'utf8')),
    },
    alias: {
      // The build of yaml that is made of modules: what is not used falls away, and it loads in half the time.
      yaml: join(root, 'node_modules/yaml/browser/index.js'),
      // Chalk is told how many colours it has (src/telling/console.ts); what asks the terminal would load node:tty at each start.
      '#supports-color': join(root, 'node_modules/chalk/source/vendor/supports-color/browser.js'),
    },
    logLevel: 'warning',
  }
}

// Each chapter of the manual by the name of its file.
async function manual(root) {
  const folder = join(root, 'src/manual')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort()
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')])))
}

let made

/** The completion script of each shell, made of the commands. */
export function completions(root) {
  made ??= JSON.parse(execFileSync(process.execPath, ['--import', 'tsx', 'scripts/completions.ts'], { cwd: root, encoding: 'utf8' }))
  return made
}

/** The script and the style that `report --html` puts into its page: src/looking/page with its library, for a browser. */
export async function page(root) {
  const { outputFiles, metafile } = await build(pageOptions(root))
  const textOf = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text.trim()
  return { script: textOf('.js'), style: textOf('.css'), metafile }
}

const pageOptions = (root) => ({
  absWorkingDir: root,
  entryPoints: ['src/looking/page/plots.ts', 'src/looking/page/page.css'],
  outdir: 'page',
  write: false,
  metafile: true,
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  charset: 'ascii',
  logLevel: 'warning',
})
