// A reporter for node's test runner that writes one line, "PASSED FAILED", when all is over. The runner's own totals
// count a test with subtests once more than its parts, and a file without any test as passed; here only leaves count.
export default async function* countReporter(events) {
  const hasChildren = new Map() // file -> the nesting levels below which a finished child waits for its parent
  let passed = 0
  let failed = 0
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const ok = type === 'test:pass'

    // An event of the file itself: it fell over outside its tests, or it holds none.
    if (data.name === data.file) {
      failed += 1
      if (ok) console.error(`${data.file}: no test ran in this file`)
      continue
    }

    const levels = hasChildren.get(data.file) ?? new Set()
    hasChildren.set(data.file, levels)
    const isParent = data.details.type === 'suite' || levels.has(data.nesting)
    levels.delete(data.nesting)
    levels.add(data.nesting - 1)

    if (data.skip !== undefined || data.todo !== undefined) continue
    if (!ok && !(isParent && data.details.error?.failureType === 'subtestsFailed')) failed += 1
    if (ok && !isParent) passed += 1
  }
  yield `${passed} ${failed}\n`
}
