// npm run bundle: the whole program as one file that needs only Node 20 and rsync, the same bit for bit wherever it is
// made; beside it its SHA-256, the licences of what is inside, and a CycloneDX list of it. Usage: node scripts/bundle.mjs [OUTDIR]
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { optionsFor, page } from './esbuild.mjs'

const root = resolve(import.meta.dirname, '..')
const name = 'rsync-ratchet.mjs'

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'))

// The one output of a build, with what each of its inputs weighs in it.
const outputOf = ({ outputs }) => Object.values(outputs).find(({ inputs }) => Object.keys(inputs).some((input) => input.endsWith('.ts')))

// 'node_modules/a/node_modules/b' for a file of package b; undefined for one of ours.
const packageOf = (input) => /node_modules\/(?:@[^/]+\/)?[^/]+(?:\/node_modules\/(?:@[^/]+\/)?[^/]+)*/.exec(input)?.[0]

// Bytes of each package in the bundle, by its place in the lock file, in alphabetical order.
function weigh(...metafiles) {
  const bytes = new Map()
  for (const [input, { bytesInOutput }] of metafiles.flatMap((metafile) => Object.entries(outputOf(metafile).inputs))) {
    const place = packageOf(input)
    if (place !== undefined && bytesInOutput > 0) bytes.set(place, (bytes.get(place) ?? 0) + bytesInOutput)
  }
  return [...bytes].sort(([a], [b]) => (a < b ? -1 : 1))
}

// The licences of all that is inside, which ask to be kept with every copy.
async function licences(places) {
  const texts = await Promise.all(places.map(async (place) => {
    const file = (await readdir(join(root, place))).find((each) => /^licen[cs]e/i.test(each))
    if (file === undefined) throw new Error(`${place} brings no licence text`)
    return `${nameOf(place)}\n\n${(await readFile(join(root, place, file), 'utf8')).trim()}`
  }))
  const own = `rsync-ratchet\n\n${(await readFile(join(root, 'LICENSE'), 'utf8')).trim()}`
  return [own, ...texts].join(`\n\n${'-'.repeat(80)}\n\n`).replaceAll('\r', '').replaceAll('*/', '* /')
}

const nameOf = (place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
const sha256 = (content) => createHash('sha256').update(content).digest('hex')

// https://cyclonedx.org/docs/1.6/json/, without what would differ at every build: serial number and time.
function materials(weights, packages, version, digest) {
  const components = weights.map(([place, bytes]) => {
    const { version: its, license, integrity } = packages[place]
    const purl = `pkg:npm/${nameOf(place).replace('@', '%40')}@${its}`
    return {
      'type': 'library', 'bom-ref': purl, 'name': nameOf(place), 'version': its, purl,
      'licenses': [{ license: { id: license } }],
      'hashes': [{ alg: 'SHA-512', content: Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex') }],
      'properties': [{ name: 'rsync-ratchet:bytesInBundle', value: String(bytes) }],
    }
  })
  const component = {
    'type': 'application', 'bom-ref': `pkg:npm/rsync-ratchet@${version}`, 'name': 'rsync-ratchet', version,
    'purl': `pkg:npm/rsync-ratchet@${version}`, 'licenses': [{ license: { id: 'MIT' } }], 'hashes': [{ alg: 'SHA-256', content: digest }],
  }
  const dependencies = [{ ref: component['bom-ref'], dependsOn: components.map((each) => each['bom-ref']) }]
  return { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component }, components, dependencies }
}

const out = resolve(process.argv[2] ?? join(root, 'dist-bundle'))
const { packages } = await readJson(join(root, 'package-lock.json'))
const { metafile: ofPage } = await page(root)
// CommonJS packages (nodemailer, commander) call require() for Node's own modules.
const banner = "import { createRequire as createRequire_ } from 'node:module'; const require = createRequire_(import.meta.url);"
const { metafile, outputFiles } = await build({
  ...await optionsFor(root), entryPoints: ['src/main.ts'], format: 'esm', outfile: name, write: false, metafile: true, banner: { js: banner },
})
const weights = weigh(metafile, ofPage)
const licenceTexts = await licences(weights.map(([place]) => place))
const text = `${outputFiles[0].text.trimEnd()}\n/*\n${licenceTexts}\n*/\n`
const digest = sha256(text)

await mkdir(out, { recursive: true })
await writeFile(join(out, name), text, { mode: 0o755 })
await writeFile(join(out, `${name}.sha256`), `${digest}  ${name}\n`)
await writeFile(join(out, 'rsync-ratchet.licences.txt'), `${licenceTexts}\n`)
await writeFile(join(out, 'rsync-ratchet.cdx.json'), `${JSON.stringify(materials(weights, packages, packages[''].version, digest), null, 2)}\n`)
console.log(`${join(out, name)}: ${text.length} characters, SHA-256 ${digest}`)
