// Stands in for serverA's rsync: node liar.mjs ORDERS ARGUMENTS-OF-RSYNC. ORDERS is a JSON file (stage.ts writes it):
// whom to play, on which folder, and the lie.
import { readFileSync } from 'node:fs'
import { relay } from './proxy.mjs'
import { speak } from './sender.mjs'

const { root, lie } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
if (lie.by === 'proxy') relay(lie, process.argv.slice(3))
else speak(lie, root)
