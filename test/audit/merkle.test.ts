import fc from 'fast-check'
import t from 'tap'
import { EMPTY_ROOT, leafHash, verifyConsistency, verifyInclusion } from '../../src/audit/merkle.ts'
import { append } from '../../src/audit/tree-append.ts'
import { consistencyProof, edgeAt, inclusionProof, rootAt } from '../../src/audit/tree-reader.ts'
import { sized } from '../harness/size.ts'
import { leavesOf, ReferenceTree, StoredHashes, vectors } from './reference-tree.ts'

const empty = { size: 0, levels: [] }
const hex = (hashes: readonly Buffer[]) => hashes.map((hash) => hash.toString('hex'))
const bytes = (hashes: readonly string[]) => hashes.map((hash) => Buffer.from(hash, 'hex'))

/** A stored tree built leaf after leaf in pieces, as the sealer does. */
function stored(leafHashes: readonly Buffer[], pieces: readonly number[] = [leafHashes.length]): StoredHashes {
  const tree = new StoredHashes([])
  let edge: Parameters<typeof append>[0] = empty
  let at = 0
  for (const piece of [...pieces, leafHashes.length]) {
    const leaves = leafHashes.slice(at, at + piece)
    at += leaves.length
    const grown = append(edge, leaves)
    edge = grown.edge
    for (const leaf of leaves) tree.levels[0]?.push(leaf)
    for (const { level, index, hash } of grown.nodes) {
      const row = tree.levels[level] ?? []
      tree.levels[level] = row
      if (row.length !== index) throw new Error('a node out of turn')
      row.push(hash)
    }
  }
  return tree
}

t.test("the tree is that of Certificate Transparency's test vectors for RFC 6962", async (t) => {
  const leaves = bytes(vectors.leaves).map(leafHash)
  const tree = stored(leaves)
  t.equal(EMPTY_ROOT.toString('hex'), vectors.emptyRoot)
  t.equal((await rootAt(tree, 0)).toString('hex'), vectors.emptyRoot)
  const roots = vectors.roots.map((root) => Buffer.from(root, 'hex'))
  for (const [at, root] of roots.entries()) t.same(await rootAt(tree, at + 1), root)
  const rootOf = (size: number) => roots[size - 1] ?? EMPTY_ROOT
  for (const { index, size, proof } of vectors.inclusion) {
    t.same(hex(await inclusionProof(tree, index, size)), proof)
    const given = { leafHash: leaves[index] ?? EMPTY_ROOT, index, size, proof: bytes(proof), root: rootOf(size) }
    t.ok(verifyInclusion(given))
  }
  for (const { from, to, proof } of vectors.consistency) {
    t.same(hex(await consistencyProof(tree, from, to)), proof)
    t.ok(verifyConsistency({ from, to, fromRoot: rootOf(from), toRoot: rootOf(to), proof: bytes(proof) }))
  }
})

t.test('roots and proofs at every size are those of the recursive definition', async (t) => {
  const most = sized(280, 600, 260)
  const leaves = leavesOf(most)
  const reference = new ReferenceTree(leaves)
  const tree = stored(leaves)
  let wrong = 0
  for (let size = 1; size <= most; size++) {
    const root = reference.root(0, size)
    if (!root.equals(await rootAt(tree, size))) wrong++
    for (const other of new Set([0, 1, size >> 1, size - 2, size - 1, 255, 256, 257])) {
      if (other < 0 || other >= size) continue
      const path = reference.path(other, 0, size)
      const inclusion = await inclusionProof(tree, other, size)
      if (`${hex(inclusion)}` !== `${hex(path)}`) wrong++
      if (!verifyInclusion({ leafHash: leaves[other] ?? root, index: other, size, proof: path, root })) wrong++
      const proof = await consistencyProof(tree, other, size)
      if (other > 0 && `${hex(proof)}` !== `${hex(reference.subproof(other, 0, size, true))}`) wrong++
      if (!verifyConsistency({ from: other, to: size, fromRoot: reference.root(0, other), toRoot: root, proof }))
        wrong++
    }
  }
  t.equal(wrong, 0)
})

t.test('a large tree grown in pieces has the same roots and proofs, from a handful of narrow reads', async (t) => {
  const most = sized(200_000, 200_000, 70_000)
  const leaves = leavesOf(most)
  const reference = new ReferenceTree(leaves)
  const tree = stored(leaves, [1, 255, 256, 257, 20_000, 65_536 - 20_769, 1])
  t.equal(tree.levels[2]?.length, Math.floor(most / 65_536))
  const size = fc.oneof(fc.integer({ min: 1, max: most }), fc.constantFrom(65_535, 65_536, 65_537, most))
  await fc.assert(
    fc.asyncProperty(size, fc.nat(), async (size, other) => {
      const index = other % size
      const root = reference.root(0, size)
      tree.reads = 0
      t.same(await rootAt(tree, size), root)
      const before = Math.max(index, size - 1000)
      t.same(append(await edgeAt(tree, before), leaves.slice(before, size)).root, root)
      t.ok(tree.reads <= 6, 'a read per level')
      tree.reads = 0
      const proof = await inclusionProof(tree, index, size)
      t.same(proof, reference.path(index, 0, size))
      t.ok(tree.reads <= 6, 'two reads per level')
      tree.reads = 0
      const consistency = await consistencyProof(tree, index, size)
      t.same(consistency, index === 0 ? [] : reference.subproof(index, 0, size, true))
      t.ok(tree.reads <= 6, 'two reads per level')
      t.ok(tree.widest <= 256)
    }),
    { numRuns: sized(60, 600, 10) },
  )
})

t.test('a proof that was altered in any way is refused', async (t) => {
  const leaves = leavesOf(300)
  const reference = new ReferenceTree(leaves)
  const size = fc.integer({ min: 2, max: 300 })
  const flip = (hash: Buffer, bit: number) => {
    const flipped = Buffer.from(hash)
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    return flipped
  }
  fc.assert(
    fc.property(size, fc.nat(), fc.nat(), fc.nat(255), (size, a, b, bit) => {
      const index = a % size
      const inclusion = {
        leafHash: reference.root(index, index + 1),
        index,
        size,
        proof: reference.path(index, 0, size),
        root: reference.root(0, size),
      }
      const at = b % inclusion.proof.length
      const altered = [
        { ...inclusion, leafHash: flip(inclusion.leafHash, bit) },
        { ...inclusion, root: flip(inclusion.root, bit) },
        { ...inclusion, index: (index + 1) % size },
        { ...inclusion, index: size + index },
        { ...inclusion, index: -1 },
        { ...inclusion, index: index + 0.5 },
        { ...inclusion, proof: inclusion.proof.map((hash, i) => (i === at ? flip(hash, bit) : hash)) },
        { ...inclusion, proof: inclusion.proof.toSpliced(at, 1) },
        { ...inclusion, proof: inclusion.proof.toSpliced(at, 0, inclusion.leafHash) },
        { ...inclusion, proof: [...inclusion.proof, inclusion.root] },
        { ...inclusion, proof: inclusion.proof.map((hash) => hash.subarray(0, 31)) },
      ]
      const from = 1 + (a % (size - 1))
      const proof = reference.subproof(from, 0, size, true)
      const consistency = { from, to: size, fromRoot: reference.root(0, from), toRoot: inclusion.root, proof }
      const place = b % proof.length
      const rewritten = [
        { ...consistency, fromRoot: flip(consistency.fromRoot, bit) },
        { ...consistency, toRoot: flip(consistency.toRoot, bit) },
        { ...consistency, from: size, to: from },
        { ...consistency, from: size },
        { ...consistency, from: 0 },
        { ...consistency, proof: proof.map((hash, i) => (i === place ? flip(hash, bit) : hash)) },
        { ...consistency, proof: proof.toSpliced(place, 1) },
        { ...consistency, proof: [...proof, inclusion.root] },
        { ...consistency, proof: [] },
      ]
      return (
        verifyInclusion(inclusion) &&
        verifyConsistency(consistency) &&
        !altered.some(verifyInclusion) &&
        !rewritten.some(verifyConsistency)
      )
    }),
    { numRuns: sized(300, 5000, 50) },
  )
  t.pass()
})

t.test('what cannot be is refused: leaves beyond the tree, shrinking trees, hashes that are missing', async (t) => {
  const tree = stored(leavesOf(300))
  await t.rejects(async () => inclusionProof(tree, 300, 300), RangeError)
  await t.rejects(async () => inclusionProof(tree, -1, 300), RangeError)
  await t.rejects(async () => consistencyProof(tree, 300, 299), RangeError)
  await t.rejects(async () => consistencyProof(tree, 1.5, 299), RangeError)
  await t.rejects(rootAt(tree, 301), /lacks/)
  t.throws(() => append(empty, [Buffer.alloc(31)]), RangeError)
  t.same(await consistencyProof(tree, 0, 300), [])
  t.same(await consistencyProof(tree, 300, 300), [])
})
