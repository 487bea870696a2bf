import { HASH_BYTES } from './merkle.ts'
import { BLOCK, type Edge, rootOf, rootOfComplete } from './tree-reader.ts'

/** A hash to store, at level 1 or above. */
export interface StoredNode {
  level: number
  index: number
  hash: Buffer
}

/**
 * Adds leaves at the right edge of the tree.
 * @param edge the tree so far; left as it is
 * @returns the tree's new edge and root, and the complete subtrees that came into being, which are to be stored
 */
export function append(edge: Edge, leafHashes: readonly Buffer[]): { edge: Edge; nodes: StoredNode[]; root: Buffer } {
  const levels = edge.levels.map((hashes) => [...hashes])
  const nodes: StoredNode[] = []
  let size = edge.size
  for (const leaf of leafHashes) {
    if (leaf.length !== HASH_BYTES) throw new RangeError('a hash has 32 bytes')
    size++
    let hash = leaf
    let index = size - 1
    for (let level = 0; ; level++) {
      const block = levels[level]
      if (!block) {
        levels.push([hash])
        break
      }
      block.push(hash)
      if (block.length < BLOCK) break
      hash = rootOfComplete(block)
      index = Math.floor(index / BLOCK)
      nodes.push({ level: level + 1, index, hash })
      levels[level] = []
    }
  }
  const grown = { size, levels }
  return { edge: grown, nodes, root: rootOf(grown) }
}
