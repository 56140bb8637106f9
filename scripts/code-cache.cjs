// Loaded before the program by the tests (node --require): what V8 compiled of dist/*.js in the first run is kept beside this
// file for the runs after it. The program that runs is the same, it only starts sooner: a suite starts it some 1,500 times.
const { readFileSync, renameSync, statSync, writeFileSync } = require('node:fs')
const Module = require('node:module')
const { basename, dirname, join } = require('node:path')
const { Script } = require('node:vm')

const usual = Module._extensions['.js']
Module._extensions['.js'] = (module, filename) => {
  if (!/\/dist\/(short|whole)\.js$/.test(filename)) return usual(module, filename)
  const kept = join(__dirname, `${basename(filename)}-${statSync(filename).mtimeMs}`)
  const cachedData = readIfThere(kept)
  const script = new Script(Module.wrap(readFileSync(filename, 'utf8')), { filename, cachedData })
  if (cachedData === undefined) process.on('exit', () => keep(kept, script))
  script.runInThisContext()(module.exports, Module.createRequire(filename), module, filename, dirname(filename))
}

function readIfThere(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

// A run of another user may not write here; then a later one keeps it.
function keep(file, script) {
  const own = `${file}.${process.pid}`
  try {
    writeFileSync(own, script.createCachedData())
    renameSync(own, file)
  } catch {
    return
  }
}
