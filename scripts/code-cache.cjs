// Loaded before the program by the tests (node --require): what V8 compiled of dist/*.js in the first runs of a command is kept
// beside this file for the runs after them. The program that runs is the same, it only starts sooner: a suite starts it some
// 2,500 times.
const { existsSync, readFileSync, renameSync, statSync, writeFileSync } = require('node:fs')
const Module = require('node:module')
const { basename, dirname, join } = require('node:path')
const { setFlagsFromString } = require('node:v8')
const { Script } = require('node:vm')

const command = process.argv.slice(2).find((word) => /^[a-z][a-z-]*$/.test(word)) ?? ''

const usual = Module._extensions['.js']
Module._extensions['.js'] = (module, filename) => {
  if (!/\/dist\/(short|night|whole)\.js$/.test(filename)) return usual(module, filename)
  // Each adds to the one before: the first run may have ended early.
  const kept = [1, 2, 3].map((n) => join(__dirname, `${basename(filename)}-${statSync(filename).mtimeMs}-${command}-${n}`))
  const latest = kept.findLast(existsSync)
  const next = kept[kept.indexOf(latest) + 1]
  const script = new Script(Module.wrap(readFileSync(filename, 'utf8')), { filename, cachedData: latest && readFileSync(latest) })
  if (next !== undefined) process.on('exit', () => keep(next, script))
  script.runInThisContext()(module.exports, Module.createRequire(filename), module, filename, dirname(filename))
}

// A run of another user may not write here; then a later one keeps it.
function keep(file, script) {
  const own = `${file}.${process.pid}`
  try {
    // V8 takes nothing that was made under other flags than it starts with, and a night changes this one.
    setFlagsFromString('--semi-space-growth-factor=2')
    writeFileSync(own, script.createCachedData())
    renameSync(own, file)
  } catch {
    return
  }
}
