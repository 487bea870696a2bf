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
  const stored = new StoredRanges()
  await Promise.all(
    rangesOf(spans).map(async (range) => stored.add(range.level, range.from, await readRange(reader, range))),
  )
  return spans.map((span) => stored.hashOf(span))
}

async function readRange(reader: HashReader, range: HashRange): Promise<Buffer[]> {
  const hashes = range.to > range.from ? await reader.hashes(range.level, range.from, range.to) : []
  if (hashes.length !== range.to - range.from) throw missing(range.level, range.from)
  return hashes
}

/** The stored hashes that these spans are made of: one range per block touched. */
function rangesOf(spans: readonly Span[]): HashRange[] {
  const blocks = new Map<string, HashRange>()
  for (const subtree of spans.flatMap(subtreesOf)) {
    const { level, from, to } = storedFor(subtree)
    const name = blockOf(level, from)
    const known = blocks.get(name)
    if (!known) blocks.set(name, { level, from, to })
    else {
      known.from = Math.min(known.from, from)
      known.to = Math.max(known.to, to)
    }
  }
  return [...blocks.values()]
}

/** Stored hashes that were read, at most one range per block of a level. */
export class StoredRanges {
  readonly #blocks = new Map<string, { from: number; hashes: readonly Buffer[] }>()

  add(level: number, from: number, hashes: readonly Buffer[]): void {
    this.#blocks.set(blockOf(level, from), { from, hashes })
  }

  /** MTH(D[from:to]) of a span that is a node of the tree. */
  hashOf(span: Span): Buffer {
    return this.hashesOf(span).reduceRight((right, left) => nodeHash(left, right))
  }

  /** The roots of the complete subtrees that a span consists of, from left to right. */
  hashesOf(span: Span): Buffer[] {
    return subtreesOf(span).map((subtree) => {
      const { level, from, to } = storedFor(subtree)
      const block = this.#blocks.get(blockOf(level, from))
      const hashes = block && from >= block.from ? block.hashes.slice(from - block.from, to - block.from) : []
      if (hashes.length !== to - from) throw missing(level, from)
      return rootOfComplete(hashes)
    })
  }
}

/** The stored part of the tree is not whole. */
export class MissingHashes extends Error {}

const missing = (level: number, from: number): Error =>
  new MissingHashes(`the tree lacks hashes of level ${level} from ${from}`)

const blockOf = (level: number, from: number): string => `${level}/${Math.floor(from / BLOCK)}`

/** The stored hashes under a complete subtree: of the level at its foot, all in one block. */
function storedFor({ height, index }: Subtree): HashRange {
  const width = 2 ** (height % BLOCK_HEIGHT)
  return { level: Math.floor(height / BLOCK_HEIGHT), from: index * width, to: (index + 1) * width }
}

/** A span as the fewest complete subtrees, from left to right. */
function subtreesOf(span: Span): Subtree[] {
  const subtrees: Subtree[] = []
  let from = span.from
  while (from < span.to) {
    let height = 0
    while (from % 2 ** (height + 1) === 0 && from + 2 ** (height + 1) <= span.to) height++
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
