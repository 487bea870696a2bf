import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { leafHash } from '../../src/audit/merkle.ts'
import {
  checkConsistency,
  checkEvent,
  checkExport,
  GrowingTree,
  readKey,
  rootFromInclusion,
  rootsFromConsistency,
} from '../../src/audit/verifier.mjs'
import { sized } from '../harness/size.ts'
import { leavesOf, ReferenceTree, vectors } from './reference-tree.ts'
import { SealedLog } from './sealed-log.ts'

const bytes = (hashes: readonly string[]) => hashes.map((hash) => Buffer.from(hash, 'hex'))
const path = join(import.meta.dirname, '../../src/audit/verifier.mjs')

t.test("the verifier's tree is that of Certificate Transparency's test vectors for RFC 6962", async (t) => {
  const leaves = bytes(vectors.leaves).map(leafHash)
  const roots = bytes([vectors.emptyRoot, ...vectors.roots])
  const tree = new GrowingTree()
  t.same(tree.root(), roots[0])
  for (const [at, leaf] of leaves.entries()) {
    tree.add(leaf, 1)
    t.same(tree.root(), roots[at + 1])
  }
  for (const { index, size, proof } of vectors.inclusion)
    t.same(rootFromInclusion(leaves[index] ?? Buffer.alloc(0), index, size, bytes(proof)), roots[size])
  for (const { from, to, proof } of vectors.consistency)
    t.same(rootsFromConsistency(from, to, roots[from] ?? Buffer.alloc(0), bytes(proof)), [roots[from], roots[to]])
})

t.test('on generated trees it comes to the roots of the recursive definition, of all sizes', async (t) => {
  const most = sized(130, 600, 70)
  const reference = new ReferenceTree(leavesOf(most))
  let wrong = 0
  const is = (hash: Buffer | null | undefined, expected: Buffer) => {
    if (!hash?.equals(expected)) wrong++
  }
  for (let size = 1; size <= most; size++) {
    const root = reference.root(0, size)
    for (let index = 0; index < size; index++) {
      const path = reference.path(index, 0, size)
      is(rootFromInclusion(reference.root(index, index + 1), index, size, path), root)
      if (rootFromInclusion(root, index, size, [...path, root]) !== null) wrong++
      if (rootFromInclusion(root, index, size, path.slice(1)) !== null && path.length > 0) wrong++
    }
    for (let from = 1; from <= size; from++) {
      const proof = reference.subproof(from, 0, size, true)
      const [older, newer] = rootsFromConsistency(from, size, reference.root(0, from), proof) ?? []
      is(older, reference.root(0, from))
      is(newer, root)
      if (rootsFromConsistency(from, size, root, [...proof, root]) !== null) wrong++
    }
  }
  t.equal(wrong, 0)
})

t.test('an event, an export and two checkpoints are proven in plain words', async (t) => {
  const log = new SealedLog(300)
  const key = readKey(log.vkey())
  t.match(
    checkEvent(JSON.stringify(await log.proof(17)), key),
    new RegExp(`^OK: event ${log.idOf(17)} .*leaf 17 of 300`),
  )
  const { leaf: _, ...hashOnly } = await log.proof(17)
  t.match(checkEvent(JSON.stringify(hashOnly), key), /nothing is proven of that/)
  const whole = await log.export(log.leaves.map((_, i) => i))
  t.match(checkExport(whole, key, true), /^OK: 300 events, leaves 0 to 299 .*none between them is missing\.$/)
  const some = await log.export([3, 4, 9, 255, 256, 298], 2, new Set([9]))
  t.match(
    checkExport(some, key),
    /^OK: 6 events, leaves 3 to 298 .*290 between them were left out, in 3 places\. Of 1 only/,
  )
  t.throws(() => checkExport(some, key, true), /not complete/)
  t.match(checkExport(await log.export([]), key), /^OK: no event/)
  t.match(checkConsistency(JSON.stringify(await log.consistency(100, 300)), key), /^OK: .* 200 more at its end/)
  t.match(checkConsistency(JSON.stringify(await log.consistency(300, 300)), key), /^OK: .* 0 more/)
})

t.test('any choice of events, in any trees, can be exported and proven', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: sized(1500, 20_000, 600) }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      async (size, parts, each) => {
        const log = new SealedLog(size)
        const indexes = [...new Set(parts.map((part) => Math.floor(part * size)))].sort((a, b) => a - b)
        checkExport(await log.export(indexes, each), readKey(log.vkey()))
      },
    ),
    { numRuns: sized(60, 200, 10) },
  )
  t.pass()
})

t.test('a key leads to those that followed it, and to no others', async (t) => {
  const log = new SealedLog(50, [20, 40])
  const proof = JSON.stringify(await log.proof(7))
  for (const generation of [1, 2, 3]) t.match(checkEvent(proof, readKey(log.vkey(generation))), /^OK/)
  const says = (given: unknown, vkey = log.vkey()) => {
    try {
      return checkEvent(JSON.stringify(given), readKey(vkey))
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  const good = await log.proof(7)
  t.match(says(good, new SealedLog(1).vkey()), /not signed by/, 'another key of the same name')
  t.match(says({ ...good, endorsements: log.endorsements.toSpliced(1, 1) }), /not signed by the key before it/)
  t.match(says({ ...good, endorsements: [] }), /not signed by .* or a key that it leads to/)
  t.match(says({ ...good, endorsements: log.endorsements.toSpliced(0, 0, log.endorsements[0] ?? '') }), /once more/)
  const stolen = { ...good, checkpoint: await log.checkpoint(50, 1) }
  t.match(says(stolen), /no longer in use/, 'the first key was replaced after 20 events')
  const early = { ...(await log.proof(7, 20)), checkpoint: await log.checkpoint(20, 1) }
  t.match(says(early), /^OK/, 'what it signed in its time holds')
})

t.test('what is wrong is named', async (t) => {
  const log = new SealedLog(60)
  const key = readKey(log.vkey())
  const other = new SealedLog(61)
  const proof = await log.proof(7)
  const says = (change: Record<string, unknown>) => {
    try {
      return checkEvent(JSON.stringify({ ...proof, ...change }), key)
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  t.match(says({ leaf: String(proof.leaf).replace('"read"', '"send"') }), /event .*07 is not what was sealed/)
  t.match(says({ leafIndex: 8 }), /event .*07 is not leaf 8 of the tree/)
  t.match(says({ treeSize: 61 }), /another tree/)
  t.match(says({ eventId: log.idOf(8) }), /of another event/)
  t.match(says({ checkpoint: await other.checkpoint(60) }), /not signed by/)
  t.match(says({ remark: 'trust me' }), /something that it should not: remark/)
  const lines = await log.export(log.leaves.map((_, i) => i))
  const exported = (changed: readonly string[]) => {
    try {
      return checkExport(changed, key)
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  t.match(exported(lines.toSpliced(3, 1)), /line 4: between it and the line before, events are missing/)
  t.match(
    exported(lines.with(3, lines[3]?.replace('read', 'send') ?? '')),
    /lines 2 to 9: one of them is not .*event .*00 to event .*06/,
  )
  t.match(exported(lines.toSpliced(3, 2, lines[4] ?? '', lines[3] ?? '')), /line 4: between/)
  t.match(exported(lines.slice(0, -1)), /cut off after line/)
  t.match(
    exported([...lines.slice(0, 9), '{"interrupted":"forbidden"}']),
    /line 10: .*broken off \(forbidden\); 7 events/,
  )
  t.match(exported([...lines, lines[1] ?? '']), /something follows after the end/)
  const kept = await other.checkpoint(30)
  const consistency = JSON.stringify(await log.consistency(30, 60))
  t.throws(() => checkConsistency(consistency, key, [kept, kept]), /not signed by/)
  const forged = { ...(await log.consistency(30, 60)), from: { size: 31, checkpoint: await log.checkpoint(31) } }
  t.throws(() => checkConsistency(JSON.stringify(forged), key), /does not begin with the 31/)
})

t.test('one bit changed anywhere in a file, or one line of an export moved, and the answer is no', async (t) => {
  const log = new SealedLog(300, [100])
  const key = log.vkey()
  const texts = {
    event: JSON.stringify(await log.proof(17)),
    export: `${(await log.export([2, 3, 4, 5, 77, 255, 256, 257, 298], 4)).join('\n')}\n`,
    consistency: JSON.stringify(await log.consistency(150, 300)),
  }
  const check = (kind: keyof typeof texts, text: string, vkey: string): boolean => {
    try {
      const trusted = readKey(vkey)
      if (kind === 'event') checkEvent(text, trusted)
      else if (kind === 'consistency') checkConsistency(text, trusted)
      else checkExport(text.endsWith('\n') ? text.slice(0, -1).split('\n') : ['cut off'], trusted)
      return true
    } catch {
      return false
    }
  }
  const flipped = (text: string, at: number): string => {
    const file = Buffer.from(text)
    const bit = at % (file.length * 8)
    file.writeUInt8(file.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    return file.toString('utf8')
  }
  const kinds = fc.constantFrom('event', 'export', 'consistency')
  fc.assert(
    fc.property(kinds, fc.nat(), (kind, at) => !check(kind, flipped(texts[kind], at), key)),
    { numRuns: sized(1500, 30_000, 100) },
  )
  for (let at = 0; at < key.length * 8; at++)
    if (check('event', texts.event, flipped(key, at))) t.fail(`key, bit ${at}`)
  const lines = texts.export.trimEnd().split('\n')
  for (const [at, line] of lines.entries()) {
    const swapped = lines.toSpliced(at, 2, lines[at + 1] ?? '', line)
    const doubled = lines.toSpliced(at, 0, line)
    // Only a proof on the way may be gone: the next one covers what it did.
    const changed = /^\{"events":\d+,"rest":\[[^\]]*\]\}$/.test(line)
      ? [swapped, doubled]
      : [swapped, doubled, lines.toSpliced(at, 1)]
    for (const each of changed)
      if (check('export', each.map((one) => `${one}\n`).join(''), key)) t.fail(`line ${at + 1}`)
  }
  for (const kind of Object.keys(texts) as (keyof typeof texts)[])
    t.ok(check(kind, texts[kind], key), 'and untouched, yes')
})

t.test('as a command it needs nothing but Node 18 and the files', async (t) => {
  const source = readFileSync(path, 'utf8')
  t.same([...source.matchAll(/from '([^']+)'/g)].map((found) => found[1]).sort(), ['node:crypto', 'node:fs'])
  t.notMatch(source, /import\(|require\(/)
  const log = new SealedLog(300, [100])
  const dir = t.testdir({
    // Away from the project, as whoever downloads it has it.
    'verifier (1).mjs': source,
    'proof.json': JSON.stringify(await log.proof(17)),
    'export.ndjson': `${(await log.export([...log.leaves.keys()])).join('\n')}\n`,
    'consistency.json': JSON.stringify(await log.consistency(150, 300)),
    'old.note': await log.checkpoint(150, 2),
    'new.note': await log.checkpoint(300),
    'key.txt': `${log.vkey()}\n`,
  })
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['verifier (1).mjs', ...words], {
      cwd: dir,
      env: {},
    })
    return { status, said: `${stdout}${stderr}` }
  }
  t.match(run('event', 'proof.json', '--key', log.vkey()), { status: 0, said: /^OK: event .*\n$/ })
  t.match(run('event', 'proof.json', '--key', 'key.txt'), { status: 0, said: /^OK/ })
  t.match(run('export', '--key', 'key.txt', '--complete', 'export.ndjson'), { status: 0, said: /^OK: 300 events/ })
  t.match(run('consistency', 'consistency.json', '--key', 'key.txt'), { status: 0, said: /^OK/ })
  const three = ['old.note', 'new.note', 'consistency.json']
  t.match(run('consistency', ...three, '--key', 'key.txt'), { status: 0, said: /^OK/ })
  t.match(run('event', 'proof.json'), { status: 2, said: /a key that you trust/ })
  t.match(run('prove', 'proof.json', '--key', 'key.txt'), { status: 2, said: /say: event/ })
  t.match(run('event', 'nothing.json', '--key', 'key.txt'), { status: 2, said: /no file/ })
  writeFileSync(join(dir, 'proof.json'), readFileSync(join(dir, 'proof.json'), 'utf8').replace('contacts', 'messages'))
  t.match(run('event', 'proof.json', '--key', 'key.txt'), {
    status: 1,
    said: /^FALSE: event .* is not what was sealed/,
  })
  writeFileSync(join(dir, 'export.ndjson'), Buffer.from([0xff, 10]))
  t.match(run('export', 'export.ndjson', '--key', 'key.txt'), { status: 1, said: /^FALSE: line 1 is not UTF-8/ })
  writeFileSync(join(dir, 'export.ndjson'), '{"half":')
  t.match(run('export', 'export.ndjson', '--key', 'key.txt'), { status: 1, said: /line 1 has no end/ })
  // The system's own Node is often an older one.
  const system = '/usr/bin/node'
  if (existsSync(system))
    t.match(
      execFileSync(system, ['verifier (1).mjs', 'consistency', ...three, '--key', 'key.txt'], { cwd: dir }).toString(),
      /^OK/,
    )
})
