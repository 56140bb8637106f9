// The house, for the linter: who may import whom, who may write files, who may start programs. An auditor reads this file first.
import { isBuiltin } from 'node:module'
import { dirname, relative, resolve } from 'node:path'

const src = resolve(import.meta.dirname, '..', 'src')

const ground = ['errors.ts', 'version.ts', 'beside.ts', 'printable.ts', 'figures.ts', 'layout.ts', 'ignored.ts', 'replica-path.ts']
// Builtins that read and write no file, start nothing and load no code.
const harmless = ['buffer', 'crypto', 'events', 'os', 'path', 'readline', 'readline/promises', 'timers/promises', 'util'].map((name) => `node:${name}`)

/**
 * Each row: files below src (the first row that matches rules) and all that they may import. A room ends with '/'; 'fs'
 * stands for the reading names of node:fs, 'fs!' for all of them; 'type X' allows only `import type`.
 */
export const house = [
  [/^main\.ts$/, ['cli/', ...ground]],
  [/^(errors|version|printable|figures|ignored|replica-path)\.ts$/, [...ground, 'node:path']],
  [/^beside\.ts$/, [...ground, 'fs']],
  [/^layout\.ts$/, [...ground]],

  [/^nightly\.ts$/, ['type ratchet/', 'ratchet/night.ts', 'ratchet/holdings.ts', 'scrub/check.ts', 'rescue/drill.ts', 'telling/']],
  // The lock, and what it stands on. `ratchet` alone can write to a replica; who is outside may only ask it for what its row names.
  [/^ratchet\//, ['ratchet/', 'audit/', 'proof/', 'programs/', 'state/', 'type config/', 'config/units.ts', 'config/repository-schema.ts', 'type words/', 'type telling/', 'fs!', 'valibot']],
  // Proof writes nothing into a replica, and this alone elsewhere: what memory cannot hold is sorted in the run's private folder.
  [/^proof\/record-sorter\.ts$/, ['proof/', 'state/read-file.ts', 'fs', 'fs:mkdirSync', 'fs:mkdtempSync', 'fs:rmSync', 'fs:writeFileSync']],
  // It asks restic, and holds what that says: of the lock it has types, of programs restic alone.
  [/^proof\//, ['proof/', 'type ratchet/', 'type audit/', 'audit/questions.ts', 'type programs/', 'programs/restic.ts', 'programs/restic-failures.ts', 'programs/restic-version.ts', 'programs/restic-words.ts', 'state/file-hash.ts', 'state/files.ts', 'state/id-file.ts', 'state/read-file.ts', 'state/schema.ts', 'state/unread.ts', 'type config/', 'type telling/', 'fs', 'valibot']],
  [/^audit\/dry-run\.ts$/, ['audit/', 'programs/', 'type config/', 'fs:writeFileSync']],
  [/^audit\/find-packs\.ts$/, ['audit/', 'programs/']],
  [/^audit\/walk\.ts$/, ['audit/', 'fs']],
  [/^audit\/report\.ts$/, ['audit/', 'state/lines.ts']],
  [/^audit\//, ['audit/']],
  // Where a replica lies is known to these two: how much room is there, and what people are told.
  [/^programs\/disk\.ts$/, ['fs']],
  [/^programs\/place\.ts$/, ['programs/ssh-command.ts', 'type config/', 'type words/']],
  [/^programs\//, ['programs/', 'state/', 'type config/', 'fs!', 'node:child_process', 'type node:net', 'execa']],
  [/^state\//, ['state/', 'type config/', 'fs!', 'node:v8', 'valibot']],

  // One file of settings.
  [/^config\/(file|secret-line)\.ts$/, ['config/', 'state/', 'fs']],
  [/^config\/secrets\.ts$/, ['type config/', 'config/values.ts', 'state/become.ts', 'telling/channel.ts', 'telling/channels.ts', 'fs']],
  [/^config\/foreseen-places\.ts$/, ['config/', 'state/']],
  [/^config\/(schema|rules)\.ts$/, ['config/', 'telling/channels.ts', 'valibot']],
  [/^config\//, ['config/', 'yaml', 'valibot', '@valibot/to-json-schema']],

  // Everything from here on may be skipped by right: it cannot reach into a replica.
  [/^words\//, ['words/', 'type rescue/', 'type ratchet/', 'ratchet/run.ts', 'type audit/', 'type proof/', 'scrub/share.ts', 'type state/', 'state/clock.ts', 'state/unread.ts']],
  // Of telling, the night's journal and the spool write, by state/; who words a mail, a ping or a line reaches nothing.
  [/^telling\/(tell|telling|outbox)\.ts$/, ['telling/', 'words/', 'type state/', 'state/sha256.ts', 'state/unread.ts', 'type programs/', 'programs/place.ts', 'type config/', 'type ratchet/', 'ratchet/run.ts', 'ratchet/state.ts', 'ratchet/departure/tombstones.ts']],
  [/^telling\/transport\.ts$/, ['type telling/', 'type config/', 'config/secret-line.ts', 'config/smtp.ts', 'programs/host-name.ts', 'programs/hand-over.ts', 'state/files.ts', 'nodemailer']],
  [/^telling\/by-program\.ts$/, ['type telling/', 'programs/hand-over.ts']],
  [/^telling\/spool\.ts$/, ['telling/spooled.ts', 'programs/lock.ts', 'state/', 'fs', 'fs:rmSync']],
  [/^telling\/spooled\.ts$/, ['type telling/', 'telling/channel.ts', 'state/schema.ts', 'config/smtp.ts', 'valibot']],
  [/^telling\/(metrics|metric-families)\.ts$/, ['telling/metric-families.ts', 'type telling/', 'looking/', 'type state/', 'state/files.ts', 'programs/lock.ts', 'type config/']],
  [/^telling\/ping\.ts$/, ['telling/ping-url.ts', 'type telling/', 'type config/', 'config/secret-line.ts', 'type ratchet/']],
  // A way to tell: what configuration and doctor know of it, and how it is told, which is loaded when there is something to tell.
  [/^telling\/channels\/look-at-[a-z]+\.ts$/, ['telling/transport.ts', 'config/', 'doctor/checkup.ts', 'programs/process.ts', 'state/files.ts']],
  [/^telling\/(channel|channels|channels\/[a-z]+)\.ts$/, ['telling/channel.ts', 'telling/channels/', 'telling/alert-json.ts', 'telling/transport.ts', 'telling/by-program.ts', 'telling/ping.ts', 'telling/metrics.ts', 'type telling/', 'type ratchet/', 'type config/', 'config/raw.ts', 'config/repository-schema.ts', 'config/secret-line.ts', 'config/smtp.ts', 'config/source.ts', 'config/values.ts', 'doctor/checkup.ts', 'state/files.ts', 'valibot']],
  [/^telling\/console\.ts$/, ['telling/progress.ts', 'type programs/', 'chalk']],
  [/^telling\/progress\.ts$/, ['type programs/', 'type audit/']],
  [/^telling\//, ['telling/', 'words/', 'type ratchet/', 'ratchet/run.ts', 'type state/', 'state/clock.ts', 'type config/']],
  // Runs in a browser, inside the report.
  [/^looking\/page\//, ['looking/page/', 'looking/report/plots.ts', 'uplot']],
  [/^looking\/(status|column|columns\/[a-z]+)\.ts$/, ['looking/', 'words/', 'type state/', 'state/unread.ts', 'programs/disk.ts', 'type audit/', 'type config/', 'type ratchet/', 'ratchet/state.ts', 'ratchet/whose-state.ts', 'ratchet/replica.ts', 'ratchet/arrival/quarantined.ts', 'ratchet/declared/window.ts', 'scrub/memory.ts', 'telling/spool.ts', 'telling/spooled.ts', 'fs']],
  [/^looking\/report\/report\.ts$/, ['looking/', 'type config/', 'ratchet/state.ts', 'state/files.ts', 'fs']],
  [/^looking\//, ['looking/', 'words/', 'type state/', 'type audit/', 'type ratchet/', 'type scrub/', 'type telling/']],
  // Reads the replica's files as they are; nothing else of scrub opens one.
  [/^scrub\/rehash\.ts$/, ['scrub/share.ts', 'ratchet/replica.ts', 'type audit/', 'state/file-hash.ts', 'state/files.ts', 'state/read-file.ts', 'state/young-generation.ts', 'fs']],
  // Looks at the replica through restic; the repair of what is damaged is not within its reach.
  [/^scrub\/check\.ts$/, ['proof/', 'type ratchet/', 'ratchet/holdings.ts', 'ratchet/replica.ts', 'ratchet/session.ts', 'ratchet/state.ts', 'ratchet/whose-state.ts', 'type state/', 'state/clock.ts', 'words/asides.ts', 'type config/']],
  [/^scrub\//, ['scrub/', 'type ratchet/', 'ratchet/repair.ts', 'ratchet/run.ts', 'ratchet/state.ts', 'ratchet/whose-state.ts', 'type audit/', 'programs/lock.ts', 'type state/', 'state/files.ts', 'state/json-file.ts', 'state/schema.ts', 'type config/', 'valibot']],
  // The worst day: it reads a replica, and makes one folder, beside a destination.
  [/^rescue\/aside\.ts$/, ['programs/held-folder.ts', 'type state/', 'fs', 'fs:fchownSync', 'fs:mkdirSync', 'fs:openSync', 'fs:rmdirSync']],
  // Restores in the box's memory; the night hands it what it holds, and it writes a line of the journal.
  [/^rescue\/drill\.ts$/, ['rescue/choice.ts', 'rescue/restored.ts', 'programs/restic-box.ts', 'programs/restic-failures.ts', 'programs/restic-password.ts', 'programs/restic-trial.ts', 'type ratchet/', 'type state/', 'state/clock.ts', 'words/asides.ts', 'type config/']],
  [/^rescue\//, ['rescue/', 'audit/', 'programs/', 'state/', 'words/', 'type config/', 'config/source.ts', 'type ratchet/', 'ratchet/replica.ts', 'ratchet/run.ts', 'ratchet/state.ts', 'ratchet/whose-state.ts', 'scrub/rehash.ts', 'type telling/', 'fs', 'valibot']],
  [/^doctor\//, ['doctor/', 'ratchet/probe.ts', 'ratchet/replica.ts', 'ratchet/state.ts', 'ratchet/whose-state.ts', 'audit/', 'programs/', 'state/', 'config/', 'scrub/', 'telling/', 'words/', 'type looking/', 'fs']],
  // Writes the configuration and what lies beside it, makes folders; the replica is made by init, in a process of its own.
  [/^setup\/place\.ts$/, ['type setup/', 'config/file.ts', 'config/units.ts', 'programs/as-user.ts', 'programs/briefly.ts', 'state/files.ts', 'fs', 'fs:chownSync', 'fs:mkdirSync']],
  [/^setup\//, ['setup/', 'doctor/', 'config/', 'programs/', 'state/', 'type telling/', 'fs']],
  [/^cli\/demo\.ts$/, ['cli/', '../scripts/demonstration/', 'commander']],
  [/^cli\/config\.ts$/, ['cli/', 'config/', 'doctor/', 'commander', 'fs:writeFileSync']],
  [/^cli\/init\.ts$/, ['cli/', 'type ratchet/', 'ratchet/init.ts', 'audit/', 'telling/', 'words/', 'config/', 'state/', 'programs/', 'commander']],
  [/^cli\//, ['cli/', 'nightly.ts', 'type ratchet/', 'ratchet/run.ts', 'ratchet/state.ts', 'ratchet/declared/', 'audit/', 'proof/', 'telling/', 'looking/', 'scrub/', 'rescue/', 'setup/', 'doctor/', 'words/', 'config/', 'state/', 'programs/', 'commander']],
]

/**
 * What few may have, whatever their row lets them import: a file below src, names of it, and who. Where a
 * replica lies is known to the lock, to what shows it to restic, to what only reads there, and to whom it is said.
 */
export const reserved = [
  ['replica-path.ts', ['pathOf', 'ownPaths'], /^(ratchet\/|programs\/(disk|place|restic)\.ts$|scrub\/rehash\.ts$|proof\/prover\.ts$|state\/(files|owner|holder)\.ts$|config\/foreseen-places\.ts$|doctor\/replica\.ts$|rescue\/|setup\/entry\.ts$|cli\/init\.ts$)/],
  ['replica-path.ts', ['Replica'], /^config\/config\.ts$/],
  // Making folders and replacing files below a replica; state/files.ts refuses that.
  ['state/unguarded.ts', ['makeFolder', 'refusalOf', 'replace', 'replaceFile'], /^(ratchet\/|state\/files\.ts$)/],
]

// What may be had of node:fs where nothing may be written; opening is not among it, since it can cut a file: who only reads opens by `openToRead` of state/read-file.ts.
const reading = new Set([
  'accessSync', 'closeSync', 'constants', 'existsSync', 'fstatSync', 'lstatSync', 'readFileSync', 'readSync', 'readdirSync', 'readlinkSync',
  'realpathSync', 'statSync', 'statfsSync', 'Stats', 'BigIntStats', 'Dirent',
])

// It takes flags, with which even a reader can cut a file: called by name, with an encoding or nothing.
const withFlags = 'readFileSync'

// What files may have of `process`. Not among it: what loads code (getBuiltinModule, dlopen), writes files (report), or is a road to those.
const ofProcess = new Set([
  'arch', 'argv', 'chdir', 'cwd', 'emitWarning', 'env', 'execArgv', 'execPath', 'exit', 'exitCode', 'getegid', 'geteuid', 'getgid', 'getgroups',
  'getuid', 'hrtime', 'initgroups', 'kill', 'memoryUsage', 'nextTick', 'off', 'on', 'once', 'pid', 'platform', 'ppid', 'resourceUsage', 'setegid', 'seteuid', 'setgid',
  'setgroups', 'setuid', 'stderr', 'stdin', 'stdout', 'umask', 'uptime', 'version', 'versions',
])

// What writes or starts: never handed on to another room by a room that has it.
const powers = new Set(['node:fs', 'node:child_process', 'execa'])

// What an import means: a path below src, 'node:x' (also of 'x', where that is a builtin), or a package's name.
function targetOf(specifier, file) {
  if (specifier.startsWith('.')) return relative(src, resolve(dirname(file), specifier))
  if (specifier.startsWith('node:')) return specifier
  if (isBuiltin(specifier)) return `node:${specifier}`
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

const covers = (word, target) => (word.endsWith('/') ? target.startsWith(word) : target === word)

function allowed(words, target, typeOnly) {
  return [...words, ...ground, ...harmless].some((word) => covers(word, target) || (typeOnly && covers(word.replace(/^type /, ''), target)))
}

// The names that an import takes of node:fs and may not have; undefined where all is well.
function forbiddenOfFs(node, words) {
  if (node.type !== 'ImportDeclaration') return 'all of it'
  if (words.includes('fs!')) return undefined
  const extra = words.filter((word) => word.startsWith('fs:')).map((word) => word.slice(3))
  const mayHave = (name) => (words.includes('fs') && reading.has(name)) || extra.includes(name)
  const wrong = node.specifiers.filter((one) => one.type !== 'ImportSpecifier' || !mayHave(one.imported.name) || renamed(one))
  if (node.specifiers.length === 0) return 'all of it'
  return wrong.length === 0 ? undefined : wrong.map((one) => (one.type === 'ImportSpecifier' ? one.imported.name : undefined) ?? 'all of it').join(', ')
}

const renamed = (one) => one.imported.name === withFlags && one.local.name !== withFlags

// Whether a use of readFileSync reads and does nothing else.
function onlyReads(node) {
  const { parent } = node
  if (parent.type === 'ImportSpecifier') return true
  if (parent.type !== 'CallExpression' || parent.callee !== node) return false
  const [, second] = parent.arguments
  return second === undefined || (second.type === 'Literal' && typeof second.value === 'string')
}

// A name that is only the key of a property, or a word in a type.
const isKey = (node) =>
  (node.parent.type === 'MemberExpression' && node.parent.property === node && !node.parent.computed) ||
  (/^(Property|PropertyDefinition|MethodDefinition)$/.test(node.parent.type) && node.parent.key === node && !node.parent.computed && !node.parent.shorthand) ||
  /^TS(QualifiedName|TypeReference|TypeQuery|PropertySignature|MethodSignature)$/.test(node.parent.type)

// The roads that lead around a list of imports, wherever they are taken.
const roads = {
  'TSImportEqualsDeclaration': 'import = require',
  'MemberExpression[property.name=/^(getBuiltinModule|binding|_linkedBinding|dlopen|mainModule)$/]': 'process',
  'Identifier[name=/^(createRequire|require|eval|setEngine|getBuiltinModule)$/]': 'loading code by another way',
  ':matches(NewExpression, CallExpression)[callee.name="Function"]': 'making code at run time',
  'MemberExpression[property.name="constructor"], ObjectPattern > Property[key.name="constructor"]': 'a constructor of what has none',
  'MemberExpression[computed=true][property.value=/^(constructor|eval|Function|require|getBuiltinModule)$/]': 'a name in quotes',
}

// Own rule rather than no-restricted-imports: that one cannot say "only these", and is blind to `await import(…)`.
const directions = {
  meta: {
    type: 'problem',
    messages: {
      no: "{{file}} may not import '{{target}}', only: {{words}} (scripts/house.mjs)",
      fs: '{{file}} may not have {{names}} of node:fs: it writes nothing (scripts/house.mjs)',
      flags: '{{file}} may call {{name}} only with flags that are written there and only read: it writes nothing (scripts/house.mjs)',
      lazy: "import('{{target}}') loses its named exports in the bundle where the package is CommonJS: load a module of ours lazily, which imports the package statically",
      way: '{{file}}: {{way}} is a way around this list (scripts/house.mjs)',
    },
    schema: [],
  },
  create(context) {
    const file = relative(src, context.filename)
    const words = house.find(([files]) => files.test(file))?.[1] ?? []
    const held = new Set()
    const report = (node, way) => context.report({ node, messageId: 'way', data: { file, way } })
    const isType = (node) =>
      (node.importKind ?? node.exportKind) === 'type' ||
      (node.specifiers?.length > 0 && node.specifiers.every((one) => (one.importKind ?? one.exportKind) === 'type'))
    const check = (node) => {
      if (node.source === null || node.source === undefined) return
      if (node.source.type !== 'Literal') return report(node, 'an import whose name is made at run time')
      const specifier = String(node.source.value)
      if (/%|^[^.].*\/\.\.?\//.test(specifier)) return report(node, 'a name that leads elsewhere than it says')
      const target = targetOf(specifier, context.filename)
      const typeOnly = node.type === 'TSImportType' || isType(node)
      if (!typeOnly && powers.has(target)) {
        if (node.type.startsWith('Export')) return report(node, `handing on ${target}`)
        for (const one of node.specifiers ?? []) if (one.importKind !== 'type') held.add(one.local.name)
      }
      if (!typeOnly) for (const [of, names, who] of reserved) if (of === target) few(node, of, names, who)
      if (target === 'node:fs') {
        const names = typeOnly ? undefined : forbiddenOfFs(node, words)
        if (names !== undefined) context.report({ node, messageId: 'fs', data: { file, names } })
      } else if (!allowed(words, target, typeOnly)) {
        context.report({ node, messageId: 'no', data: { file, target, words: words.join(' ') || 'nothing' } })
      } else if (node.type === 'ImportExpression' && !specifier.startsWith('.')) {
        context.report({ node, messageId: 'lazy', data: { target } })
      }
    }
    // `import * as`, `await import` and `export … from` take all of it, or hand it on.
    const few = (node, of, names, who) => {
      const isOf = (one) => !/^(ImportSpecifier|ExportSpecifier)$/.test(one.type) || names.includes((one.imported ?? one.local).name)
      const those = node.specifiers?.filter((one) => (one.importKind ?? one.exportKind) !== 'type' && isOf(one))
      if (those?.length === 0) return
      if (!who.test(file) || node.type !== 'ImportDeclaration') return report(node, `what src/${of} has for few`)
      for (const one of those) held.add(one.local.name)
    }
    const name = (node) => {
      if (node.name === withFlags && !words.includes('fs!') && !isKey(node) && !onlyReads(node)) {
        context.report({ node, messageId: 'flags', data: { file, name: node.name } })
      }
      if (/^(globalThis|global|Function)$/.test(node.name) && !isKey(node)) report(node, node.name)
      if (node.name !== 'process' || isKey(node)) return
      // `(process as …).name`: types change nothing of what is taken.
      const parent = node.parent.type === 'TSAsExpression' ? node.parent.parent : node.parent
      if (parent.type !== 'MemberExpression' || parent.computed || !ofProcess.has(parent.property.name)) report(node, 'what this takes of process')
    }
    const exported = (node) => {
      const names = [
        ...(node.specifiers ?? []).map((one) => one.local?.name),
        ...(node.declaration?.declarations ?? []).map((one) => one.init?.name),
        node.declaration?.name,
      ]
      for (const one of names) if (one !== undefined && held.has(one)) report(node, `handing on ${one}`)
    }
    const exports = []
    const onExport = (node) => (check(node), exports.push(node))
    return {
      ...Object.fromEntries(Object.entries(roads).map(([selector, way]) => [selector, (node) => report(node, way)])),
      ImportDeclaration: check, ImportExpression: check, TSImportType: check, Identifier: name,
      ExportNamedDeclaration: onExport, ExportAllDeclaration: onExport, ExportDefaultDeclaration: onExport,
      'Program:exit': () => exports.filter((node) => !node.source).forEach(exported),
    }
  },
}

/** The plugin. */
export const plugin = { rules: { directions } }
