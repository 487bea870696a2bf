import { createHash } from 'node:crypto'
import type { HashReader } from '../../src/audit/tree-reader.ts'

/**
 * Certificate Transparency's own test vectors for RFC 6962 section 2.1: eight leaves, the root at each size, and the
 * proofs of its reference implementation (merkle_tree_test.cc).
 */
export const vectors = {
  leaves: ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'],
  emptyRoot: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  roots: [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ],
  inclusion: [
    { index: 0, size: 1, proof: [] },
    {
      index: 0,
      size: 8,
      proof: [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    },
    {
      index: 5,
      size: 8,
      proof: [
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    },
    { index: 2, size: 3, proof: ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'] },
    {
      index: 1,
      size: 5,
      proof: [
        '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    },
  ],
  consistency: [
    { from: 1, to: 1, proof: [] },
    {
      from: 1,
      to: 8,
      proof: [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    },
    {
      from: 6,
      to: 8,
      proof: [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    },
    {
      from: 2,
      to: 5,
      proof: [
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    },
  ],
}

/** The definitions of RFC 6962 section 2.1 word for word, over all leaves' hashes: slow, and plainly right. */
export class ReferenceTree {
  readonly leaves: readonly Buffer[]
  readonly #known = new Map<string, Buffer>()

  constructor(leafHashes: readonly Buffer[]) {
    this.leaves = leafHashes
  }

  /** MTH(D[from:to]) */
  root(from: number, to: number): Buffer {
    const name = `${from}-${to}`
    const known = this.#known.get(name)
    if (known) return known
    const hash = this.#root(from, to)
    this.#known.set(name, hash)
    return hash
  }

  #root(from: number, to: number): Buffer {
    if (from === to) return createHash('sha256').digest()
    const [leaf] = this.leaves.slice(from, from + 1)
    if (leaf && to - from === 1) return leaf
    const k = from + this.#split(to - from)
    return createHash('sha256')
      .update(Buffer.from([1]))
      .update(this.root(from, k))
      .update(this.root(k, to))
      .digest()
  }

  /** PATH(m, D[from:to]) */
  path(m: number, from: number, to: number): Buffer[] {
    if (to - from === 1) return []
    const k = this.#split(to - from)
    return m < k
      ? [...this.path(m, from, from + k), this.root(from + k, to)]
      : [...this.path(m - k, from + k, to), this.root(from, from + k)]
  }

  /** SUBPROOF(m, D[from:to], b) */
  subproof(m: number, from: number, to: number, b: boolean): Buffer[] {
    if (m === to - from) return b ? [] : [this.root(from, to)]
    const k = this.#split(to - from)
    return m <= k
      ? [...this.subproof(m, from, from + k, b), this.root(from + k, to)]
      : [...this.subproof(m - k, from + k, to, false), this.root(from, from + k)]
  }

  #split(n: number): number {
    return 2 ** Math.floor(Math.log2(n - 1))
  }
}

/** What the database would hold: the leaves' hashes, and the complete subtrees above them. Counts what is read. */
export class StoredHashes implements HashReader {
  readonly levels: Buffer[][]
  reads = 0
  widest = 0

  constructor(leafHashes: readonly Buffer[]) {
    this.levels = [[...leafHashes]]
  }

  async hashes(level: number, from: number, to: number): Promise<Buffer[]> {
    this.reads++
    this.widest = Math.max(this.widest, to - from)
    return (this.levels[level] ?? []).slice(from, to)
  }
}

/** Leaves' hashes that differ by index and by seed. */
export function leavesOf(count: number, seed = 0): Buffer[] {
  return Array.from({ length: count }, (_, index) => createHash('sha256').update(`\0leaf ${seed} ${index}`).digest())
}
