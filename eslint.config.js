// The linter. Its first part enforces the house of DESIGN.md section 11: who may import whom.
import { dirname, relative, resolve } from 'node:path'
import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const src = resolve(import.meta.dirname, 'src')

// Each row: files below src (the first row that matches rules) and all that they may import. A folder of ours ends
// with '/', 'node:' stands for every builtin, 'type X' allows only `import type`, '!X' refuses what a later word allows.
const house = [
  [/^main\.ts$/, ['cli/', 'errors.ts', 'node:']],
  [/^errors\.ts$/, ['type core/']],
  [/^edges\.ts$/, ['type core/', 'type errors.ts']],
  [/^nightly\.ts$/, ['core/', 'errors.ts', 'type edges.ts', 'arrival.ts', 'audit.ts', 'departure.ts', 'examine.ts', 'stage.ts', 'tell.ts']],
  [/^(arrival|audit|departure|examine|stage|tell)\.ts$/, ['core/', 'errors.ts', 'type edges.ts', 'departure.ts', 'type examine.ts', 'stage.ts']],
  [/^initialise\.ts$/, ['core/', 'errors.ts', 'type nightly.ts']],
  [/^scrub\.ts$/, ['core/', 'errors.ts']],
  [/^core\/config[^/]*\.ts$/, ['core/', 'errors.ts', 'yaml', 'valibot', '@valibot/to-json-schema']],
  [/^core\//, ['core/', 'errors.ts', 'valibot']],
  // Runs in a browser, inside the report.
  [/^page\//, ['page/', 'core/', 'uplot']],
  [/^io\/(initialise-)?edges\.ts$/, ['io/', 'core/', 'errors.ts', 'node:', 'execa', 'type edges.ts', 'type initialise.ts']],
  [/^io\/(scrub|repair)\.ts$/, ['io/', 'core/', 'errors.ts', 'node:', 'execa', 'type scrub.ts']],
  [/^io\/(json-file|replica|suspects)\.ts$/, ['io/', 'core/', 'errors.ts', 'node:', 'valibot']],
  [/^io\/mail\.ts$/, ['io/', 'core/', 'errors.ts', 'node:', 'nodemailer']],
  [/^io\/progress\.ts$/, ['core/', 'cli-progress']],
  [/^io\/console\.ts$/, ['io/', 'core/', 'errors.ts', 'node:', 'chalk']],
  [/^io\//, ['io/', 'core/', 'errors.ts', 'node:', 'execa', 'type edges.ts']],
  // Whatever starts a process lives in io.
  [/^cli\//, ['cli/', 'io/', 'core/', 'nightly.ts', 'tell.ts', 'initialise.ts', 'scrub.ts', 'errors.ts', '!node:child_process', 'node:', 'commander']],
]

// What an import means: a path below src, 'node:x', or a package's name.
function targetOf(specifier, file) {
  if (specifier.startsWith('.')) return relative(src, resolve(dirname(file), specifier))
  if (specifier.startsWith('node:')) return specifier
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

const covers = (word, target) => (/[/:]$/.test(word) ? target.startsWith(word) : target === word)

function allowed(words, target, typeOnly) {
  if (words.some((word) => word.startsWith('!') && covers(word.slice(1), target))) return false
  return words.some((word) => covers(word, target) || (typeOnly && covers(word.replace(/^type /, ''), target)))
}

// Own rule rather than no-restricted-imports: that one cannot say "only these", and is blind to `await import(…)`.
const directions = {
  meta: {
    type: 'problem',
    messages: {
      no: "{{file}} may not import '{{target}}', only: {{words}} (DESIGN.md section 11)",
      lazy: "import('{{target}}') loses its named exports in the bundle where the package is CommonJS: load a module of ours lazily, which imports the package statically",
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
      if (node.source?.type !== 'Literal') return
      const target = targetOf(String(node.source.value), context.filename)
      const typeOnly = node.type === 'TSImportType' || isType(node)
      if (!allowed(words, target, typeOnly)) {
        context.report({ node, messageId: 'no', data: { file, target, words: words.join(' ') || 'nothing' } })
      } else if (node.type === 'ImportExpression' && !/^(\.|node:)/.test(String(node.source.value))) {
        context.report({ node, messageId: 'lazy', data: { target } })
      }
    }
    return {
      ImportDeclaration: check, ImportExpression: check, TSImportType: check,
      ExportNamedDeclaration: check, ExportAllDeclaration: check,
    }
  },
}

const restrictedTests = [
  'MemberExpression[object.name=/^(test|it|describe|suite|t)$/][property.name=/^(only|skip|todo)$/]',
  'CallExpression[callee.name=/^(test|it|describe|suite)$/] > ObjectExpression > Property[key.name=/^(only|skip|todo)$/]',
  'CallExpression[callee.property.name=/^(test|it|describe)$/] > ObjectExpression > Property[key.name=/^(only|skip|todo)$/]',
].map((selector) => ({ selector, message: 'Every test runs, always.' }))

const safeTestCalls = ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach']

export default defineConfig(
  { ignores: ['dist*/', 'node_modules/', 'fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-control-regex': 'off', // control characters are what we look for
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off', // an edge is async in one implementation and not in the other
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { house: { rules: { directions } } },
    rules: {
      'house/directions': 'error',
      'max-lines': ['error', { max: 250, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 45, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 15],
      'no-console': 'error', // io/console.ts is the one room for words
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'Only main.ts ends the process.' },
        { object: 'process', property: 'exitCode', message: 'Only main.ts ends the process.' },
      ],
    },
  },
  { files: ['src/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['src/io/console.ts'], rules: { 'no-console': 'off' } },
  {
    // Pure: values in, values out.
    files: ['src/core/**/*.ts', 'src/nightly.ts', 'src/tell.ts', 'src/initialise.ts', 'src/scrub.ts'],
    rules: {
      'no-restricted-globals': ['error', 'process', 'console', 'performance', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'require'],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'The clock is an argument.' },
        { selector: 'MemberExpression[object.name="Date"][property.name="now"]', message: 'The clock is an argument.' },
        { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: 'Chance is an argument.' },
        { selector: 'MemberExpression[object.name="globalThis"]', message: 'Pure: no globals.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...restrictedTests],
      '@typescript-eslint/no-floating-promises': [
        'error', { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: safeTestCalls }] },
      ],
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', __dirname: 'readonly' } },
  },
)
