import { consistencySpans, EMPTY_ROOT, inclusionSpans, nodeHash, type Span } from './merkle.ts'

/**
 * Roots and proofs out of the stored part of the tree. Stored are only complete subtrees of 256^k leaves: level 0 is
 * the leaves' hashes, and the hash at (level k, index i) is the root of those at level k-1 from 256 i to 256 (i+1).
 * So rows are only ever added, and each proof reads at most two blocks of a level: the one on the way to the leaf, and
 * the one at the right edge of the tree.
 */
export const BLOCK = 256
const BLOCK_HEIGHT = 8

/** Reads the stored hashes [from, to) of a level, all in the same block: at most 256. */
export interface HashReader {
  hashes(level: number, from: number, to: number): Promise<Buffer[]>
}

/** Hashes [from, to) of a stored level. */
export interface HashRange {
  level: number
  from: number
  to: number
}

/** The hashes of the incomplete block of each stored level, from the leaves up, for a tree of this size. */
export interface Edge {
  size: number
  levels: Buffer[][]
}

/** A complete subtree: 2^height leaves from index * 2^height on. */
interface Subtree {
  height: number
  index: number
}

/** Which stored hashes the edge of a tree of this size consists of: one range per level, some of them empty. */
export function edgeRanges(size: number): HashRange[] {
  const ranges: HashRange[] = []
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / BLOCK)) {
    ranges.push({ level, from: count - (count % BLOCK), to: count })
  }
  return ranges
}

export async function edgeAt(reader: HashReader, size: number): Promise<Edge> {
  const ranges = edgeRanges(size)
  return { size, levels: await Promise.all(ranges.map((range) => readRange(reader, range))) }
}

export async function rootAt(reader: HashReader, size: number): Promise<Buffer> {
  return rootOf(await edgeAt(reader, size))
}

/** The root of the tree that ends in this edge. */
export function rootOf(edge: Edge): Buffer {
  let root: Buffer | undefined
  for (const hashes of edge.levels) {
    // From the right: the complete subtrees in the block get larger to the left, as in the size's binary digits.
    for (let end = hashes.length, width = 1; end > 0; width *= 2) {
      if ((end & width) === 0) continue
      end -= width
      const peak = rootOfComplete(hashes.slice(end, end + width))
      root = root ? nodeHash(peak, root) : peak
    }
  }
  return root ?? EMPTY_ROOT
}

/** The inclusion proof (RFC 6962 section 2.1.1) of a leaf in the tree of that size, from the leaf's sibling upwards. */
export function inclusionProof(reader: HashReader, index: number, size: number): Promise<Buffer[]> {
  return readSpans(reader, inclusionSpans(index, size))
}

/** The consistency proof (RFC 6962 section 2.1.2) between two sizes of the tree. */
export function consistencyProof(reader: HashReader, fromSize: number, toSize: number): Promise<Buffer[]> {
  return readSpans(reader, consistencySpans(fromSize, toSize))
}

async function readSpans(reader: HashReader, spans: readonly Span[]): Promise<Buffer[]> {
  const ranges = rangesOf(spans)
  return spanHashes(spans, ranges, await Promise.all(ranges.map((range) => readRange(reader, range))))
}

async function readRange(reader: HashReader, range: HashRange): Promise<Buffer[]> {
  const hashes = range.to > range.from ? await reader.hashes(range.level, range.from, range.to) : []
  if (hashes.length !== range.to - range.from) {
    throw new Error(`the tree lacks hashes of level ${range.level} between ${range.from} and ${range.to}`)
  }
  return hashes
}

/** The stored hashes that these spans are made of: one range per block touched. */
export function rangesOf(spans: readonly Span[]): HashRange[] {
  const blocks = new Map<string, HashRange>()
  for (const { height, index } of spans.flatMap(subtreesOf)) {
    const level = Math.floor(height / BLOCK_HEIGHT)
    const width = 2 ** (height % BLOCK_HEIGHT)
    const from = index * width
    const name = `${level}/${Math.floor(from / BLOCK)}`
    const known = blocks.get(name)
    if (!known) blocks.set(name, { level, from, to: from + width })
    else {
      known.from = Math.min(known.from, from)
      known.to = Math.max(known.to, from + width)
    }
  }
  return [...blocks.values()]
}

/** The hash of each span, from the stored hashes of `rangesOf` (the same spans), range by range. */
export function spanHashes(
  spans: readonly Span[],
  ranges: readonly HashRange[],
  hashes: readonly (readonly Buffer[])[],
): Buffer[] {
  const hashOf = ({ height, index }: Subtree): Buffer => {
    const level = Math.floor(height / BLOCK_HEIGHT)
    const width = 2 ** (height % BLOCK_HEIGHT)
    const from = index * width
    const at = ranges.findIndex((range) => range.level === level && range.from <= from && from + width <= range.to)
    const range = ranges[at]
    const stored = range && hashes[at]?.slice(from - range.from, from - range.from + width)
    if (stored?.length !== width) throw new Error(`the tree lacks hashes of level ${level} from ${from} on`)
    return rootOfComplete(stored)
  }
  return spans.map((span) =>
    subtreesOf(span)
      .map(hashOf)
      .reduceRight((right, left) => nodeHash(left, right)),
  )
}

/** A span of the tree as complete subtrees, from left to right: the RFC splits off the largest one each time. */
function subtreesOf(span: Span): Subtree[] {
  const subtrees: Subtree[] = []
  let from = span.from
  while (from < span.to) {
    let height = 0
    while (2 ** (height + 1) <= span.to - from) height++
    subtrees.push({ height, index: from / 2 ** height })
    from += 2 ** height
  }
  return subtrees
}

/** The root over a power of two of hashes. */
export function rootOfComplete(hashes: readonly Buffer[]): Buffer {
  let row = hashes
  while (row.length > 1) {
    const above: Buffer[] = []
    for (let at = 0; at < row.length; at += 2) {
      const left = row[at]
      const right = row[at + 1]
      if (!left || !right) throw new RangeError('a complete subtree has a power of two of hashes')
      above.push(nodeHash(left, right))
    }
    row = above
  }
  const [root] = row
  if (!root) throw new RangeError('a complete subtree is not empty')
  return root
}
