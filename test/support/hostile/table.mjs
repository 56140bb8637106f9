// Prints what came of the attacks as a Markdown table: ATTACKS=FILE npm test -- test/promises; node test/support/hostile/table.mjs FILE.
// Attacks of one suite that ended alike share a row.
import { readFileSync } from 'node:fs'

const lines = readFileSync(process.argv[2], 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line))
const rows = new Map()
for (const { suite, attack, exit, rules, failure, admitted } of lines) {
  const outcome = [exit, outcomeOf(rules, failure).replace(`exit code ${attack}`, 'ended with that exit code'), admitted > 0 ? `${admitted} new files` : 'nothing']
  const key = JSON.stringify([suite, ...outcome])
  if (!rows.has(key)) rows.set(key, { suite, attacks: [], outcome })
  rows.get(key).attacks.push(attack)
}
const ordered = [...rows.values()].sort((a, b) => (a.suite < b.suite ? -1 : a.suite > b.suite ? 1 : 0))
console.log('| serverA\'s lie | how | exit | what was said | let in |\n| --- | --- | --- | --- | --- |')
for (const { suite, attacks, outcome } of ordered) console.log(`| ${[suite, attacks.join('; '), ...outcome].map(cell).join(' | ')} |`)

/** The rules, or the failure without what rsync, ssh and serverA said: that differs. */
function outcomeOf(rules, failure = '') {
  const words = failure.replace(/(rsync exit code \d+|was ended|cannot be understood|no ssh connection)\b.*/s, '$1')
  return [words, [...rules].sort().map((rule) => `\`${rule}\``).join(' ')].filter((part) => part !== '').join('; ') || 'all is well'
}

function cell(text) {
  return String(text).replace(/[|\n]/g, (c) => (c === '|' ? '\\|' : ' '))
}
