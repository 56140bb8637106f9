// Builtins that cost milliseconds to load, and that a command which only looks at small files never uses: read at the first use.
import { createRequire } from 'node:module'

const costly = ['node:child_process', 'node:crypto']

/** The plugin for esbuild. */
export const late = {
  name: 'late',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: new RegExp(`^(${costly.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'late' ? { path, external: true } : { path, namespace: 'late' })
    onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({ contents: lateModule(path) }))
  },
}

// A module with the same names, each of which is looked up once.
function lateModule(path) {
  const names = Object.keys(createRequire(import.meta.url)(path))
  return `for (const name of ${JSON.stringify(names)}) Object.defineProperty(exports, name, {
    configurable: true,
    enumerable: true,
    get: () => {
      const value = require(${JSON.stringify(path)})[name]
      Object.defineProperty(exports, name, { value })
      return value
    },
  })`
}
