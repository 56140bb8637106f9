// The house, for the linter: who may import whom, who may write files, who may start programs. An auditor reads this file first.
import { dirname, relative, resolve } from 'node:path'

const src = resolve(import.meta.dirname, '..', 'src')

const ground = ['errors.ts', 'version.ts', 'printable.ts', 'figures.ts', 'layout.ts', 'ignored.ts', 'replica-path.ts']
// Builtins that read and write no file, start nothing and load no code.
const harmless = ['buffer', 'crypto', 'events', 'os', 'path', 'readline', 'readline/promises', 'timers/promises', 'util'].map((name) => `node:${name}`)

// Each row: files below src (the first row that matches rules) and all that they may import. A room ends with '/'; 'fs'
// stands for the reading names of node:fs, 'fs!' for all of them; 'type X' allows only `import type`.
const house = [
  [/^main\.ts$/, ['cli/', ...ground]],
  [/^(errors|version|printable|figures|ignored|replica-path)\.ts$/, [...ground, 'node:path']],
  [/^layout\.ts$/, [...ground]],

  // The lock, and what it stands on. `ratchet` alone can write to a replica.
  [/^ratchet\//, ['ratchet/', 'audit/', 'proof/', 'programs/', 'state/', 'type config/', 'config/units.ts', 'config/schema.ts', 'words/', 'telling/', 'type scrub/', 'fs!', 'valibot']],
  [/^proof\/(known-blobs|record-sorter|read-unread|prove|asking)\.ts$/, ['proof/', 'ratchet/', 'audit/', 'programs/', 'state/', 'type config/', 'type telling/', 'fs!']],
  [/^proof\//, ['proof/', 'ratchet/', 'audit/', 'programs/', 'state/', 'type config/', 'type telling/', 'fs', 'valibot']],
  [/^audit\/dry-run\.ts$/, ['audit/', 'programs/', 'type config/', 'fs!']],
  [/^audit\/walk\.ts$/, ['audit/', 'fs']],
  [/^audit\//, ['audit/', 'programs/', 'type config/']],
  [/^programs\//, ['programs/', 'state/', 'type config/', 'type ratchet/', 'type audit/', 'fs!', 'node:child_process', 'type node:net', 'execa']],
  [/^state\//, ['state/', 'type config/', 'fs!', 'node:child_process', 'node:v8', 'valibot']],

  // One file of settings.
  [/^config\/(file|secret-line)\.ts$/, ['config/', 'state/', 'fs', 'fs:openSync']],
  [/^config\/foreseen-places\.ts$/, ['config/', 'state/']],
  [/^config\//, ['config/', 'yaml', 'valibot', '@valibot/to-json-schema']],

  // Everything from here on may be skipped by right: it cannot reach into a replica.
  [/^words\//, ['words/', 'type ratchet/', 'ratchet/run.ts', 'type audit/', 'type config/', 'type proof/', 'proof/unread.ts', 'scrub/share.ts', 'type state/', 'state/clock.ts']],
  [/^telling\/transport\.ts$/, ['telling/', 'words/', 'programs/', 'config/', 'state/', 'nodemailer', 'fs']],
  [/^telling\/console\.ts$/, ['telling/', 'words/', 'type programs/', 'chalk']],
  [/^telling\/progress\.ts$/, ['telling/', 'words/', 'programs/', 'type audit/', 'cli-progress']],
  [/^telling\/spooled\.ts$/, ['telling/', 'state/schema.ts', 'config/smtp.ts', 'valibot']],
  [/^telling\//, ['telling/', 'looking/', 'words/', 'state/', 'programs/', 'type config/', 'config/', 'ratchet/', 'proof/', 'type audit/', 'fs!']],
  // Runs in a browser, inside the report.
  [/^looking\/page\//, ['looking/page/', 'looking/report/plots.ts', 'uplot']],
  [/^looking\//, ['looking/', 'words/', 'state/', 'type audit/', 'type config/', 'ratchet/', 'proof/', 'scrub/memory.ts', 'type scrub/', 'telling/', 'fs']],
  [/^scrub\//, ['scrub/', 'ratchet/', 'audit/', 'programs/', 'state/', 'words/', 'type config/', 'valibot', 'fs', 'fs:openSync']],
  [/^doctor\//, ['doctor/', 'ratchet/', 'audit/', 'programs/', 'state/', 'config/', 'scrub/', 'telling/', 'words/', 'type looking/', 'fs!', 'node:child_process']],
  [/^cli\//, ['cli/', 'ratchet/', 'audit/', 'proof/', 'telling/', 'looking/', 'scrub/', 'doctor/', 'words/', 'config/', 'state/', 'programs/', 'commander', 'fs!']],
]

// What may be had of node:fs where nothing may be written; opening is not among it, since it can cut a file.
const reading = new Set([
  'accessSync', 'closeSync', 'constants', 'existsSync', 'fstatSync', 'lstatSync', 'readFileSync', 'readSync', 'readdirSync', 'readlinkSync',
  'realpathSync', 'statSync', 'statfsSync', 'Stats', 'BigIntStats', 'Dirent',
])

// What an import means: a path below src, 'node:x' (also of 'x', where that is a builtin), or a package's name.
function targetOf(specifier, file) {
  if (specifier.startsWith('.')) return relative(src, resolve(dirname(file), specifier))
  if (specifier.startsWith('node:')) return specifier
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

const covers = (word, target) => (word.endsWith('/') ? target.startsWith(word) : target === word)

function allowed(words, target, typeOnly) {
  if (target.startsWith('../scripts/demonstration/')) return words.includes('cli/')
  return [...words, ...ground, ...harmless].some((word) => covers(word, target) || (typeOnly && covers(word.replace(/^type /, ''), target)))
}

// The names that an import takes of node:fs and may not have; undefined where all is well.
function forbiddenOfFs(node, words) {
  if (words.includes('fs!')) return undefined
  if (node.type !== 'ImportDeclaration') return 'all of it'
  const extra = words.filter((word) => word.startsWith('fs:')).map((word) => word.slice(3))
  const names = node.specifiers.map((one) => (one.type === 'ImportSpecifier' ? one.imported.name : 'all of it'))
  const wrong = names.filter((name) => !(words.includes('fs') || extra.length > 0) || (!reading.has(name) && !extra.includes(name)))
  return wrong.length === 0 && names.length > 0 ? undefined : wrong.join(', ') || 'all of it'
}

// Own rule rather than no-restricted-imports: that one cannot say "only these", and is blind to `await import(…)`.
const directions = {
  meta: {
    type: 'problem',
    messages: {
      no: "{{file}} may not import '{{target}}', only: {{words}} (scripts/house.mjs)",
      fs: '{{file}} may not have {{names}} of node:fs: it writes nothing (scripts/house.mjs)',
      lazy: "import('{{target}}') loses its named exports in the bundle where the package is CommonJS: load a module of ours lazily, which imports the package statically",
      way: '{{file}}: {{way}} is a way around this list (scripts/house.mjs)',
    },
    schema: [],
  },
  create(context) {
    const file = relative(src, context.filename)
    const words = house.find(([files]) => files.test(file))?.[1] ?? []
    const isType = (node) =>
      (node.importKind ?? node.exportKind) === 'type' ||
      (node.specifiers?.length > 0 && node.specifiers.every((one) => (one.importKind ?? one.exportKind) === 'type'))
    const check = (node) => {
      if (node.source === null || node.source === undefined) return
      if (node.source.type !== 'Literal') return context.report({ node, messageId: 'way', data: { file, way: 'an import whose name is made at run time' } })
      const target = targetOf(String(node.source.value), context.filename)
      const typeOnly = node.type === 'TSImportType' || isType(node)
      if (target === 'node:fs') {
        const names = typeOnly ? undefined : forbiddenOfFs(node, words)
        if (names !== undefined) context.report({ node, messageId: 'fs', data: { file, names } })
      } else if (!allowed(words, target, typeOnly)) {
        context.report({ node, messageId: 'no', data: { file, target, words: words.join(' ') || 'nothing' } })
      } else if (node.type === 'ImportExpression' && !/^(\.|node:)/.test(String(node.source.value))) {
        context.report({ node, messageId: 'lazy', data: { target } })
      }
    }
    const way = (what) => (node) => context.report({ node, messageId: 'way', data: { file, way: what } })
    return {
      ImportDeclaration: check, ImportExpression: check, TSImportType: check,
      ExportNamedDeclaration: check, ExportAllDeclaration: check, 'TSImportEqualsDeclaration': way('import = require'),
      "MemberExpression[property.name=/^(getBuiltinModule|binding|_linkedBinding|dlopen|mainModule)$/]": way('process'),
      "MemberExpression[computed=true][object.name='process']:not([object.name='process'] > MemberExpression[object.property.name='env'])": way('process[…]'),
      "Identifier[name=/^(createRequire|require|eval)$/]": way('loading code by another way'),
      "NewExpression[callee.name='Function'], CallExpression[callee.name='Function']": way('making code at run time'),
    }
  },
}

/** The plugin. */
export const plugin = { rules: { directions } }
