// The linter. Who may import whom, and who may write, is in scripts/house.mjs.
import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { plugin as house } from './scripts/house.mjs'

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
    plugins: { house },
    rules: {
      'house/directions': 'error',
      'max-lines': ['error', { max: 250, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 15],
      'no-console': 'error', // telling/console.ts is the one room for words
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'Only main.ts ends the process.' },
        { object: 'process', property: 'exitCode', message: 'Only main.ts ends the process.' },
      ],
    },
  },
  // No comment in a file turns a rule off; the page runs in a browser, in the report.
  { files: ['src/**/*.ts'], ignores: ['src/looking/page/**'], linterOptions: { noInlineConfig: true } },
  { files: ['src/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['src/telling/console.ts'], rules: { 'no-console': 'off' } },
  {
    // Pure: values in, values out.
    files: [
      'src/{printable,figures,layout,ignored}.ts', 'src/audit/*.ts', 'src/words/*.ts', 'src/config/*.ts',
      'src/ratchet/{run,stock}.ts', 'src/ratchet/arrival/quarantine-limit.ts',
      'src/ratchet/departure/tombstones.ts', 'src/ratchet/declared/{window,alarm}.ts',
      'src/proof/{structure,proof,index-json,blob-records,culprits}.ts', 'src/state/{chain,clock,memory,schema,unread}.ts',
      'src/telling/channels/{mail,ping,metrics}.ts', 'src/telling/{channel,channels,mail,mail-due,letter,letter-html,letter-text,spooled,ping-url,metric-families}.ts',
      'src/looking/{standing,column,columns,metric,status-rows,nagios}.ts', 'src/looking/columns/*.ts', 'src/looking/report/{page,story,plots,tables,calendar,page-parts}.ts',
      'src/scrub/share.ts', 'src/doctor/{checkup,version-verdict}.ts',
    ],
    ignores: ['src/audit/{walk,dry-run}.ts', 'src/config/{file,secret-line,secrets,foreseen-places}.ts'],
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
