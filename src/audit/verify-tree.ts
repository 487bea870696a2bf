import type { Checkpoint, Leaf } from '../db/sealed-tables.ts'
import { originOf, parseCheckpoint } from './checkpoint-note.ts'
import { nodeHash } from './merkle.ts'
import { openNote } from './note.ts'
import { watermarkLine } from './seal.ts'
import { saysTime, verifierKey } from './signing-keys.ts'
import type { Run } from './verify.ts'
import type { CheckedKeys } from './verify-keys.ts'
import type { Report } from './verify-report.ts'

const heightOfLevel = 8

/**
 * The tree made anew, leaf by leaf, out of nothing but the leaves: at each moment one hash for each binary digit of the
 * size. Apart from the code that sealed, and cheaper: a root costs a hash per digit.
 */
export class Regrown {
  readonly #peaks: Buffer[] = []
  size = 0

  /** @returns the nodes that the database should hold now */
  push(leaf: Buffer): { level: number; index: number; hash: Buffer }[] {
    const nodes: { level: number; index: number; hash: Buffer }[] = []
    let [hash, index, height] = [leaf, this.size, 0]
    for (; index % 2 === 1; height++) {
      const left = this.#peaks[height]
      if (!left) throw new Error('a tree without a left side')
      hash = nodeHash(left, hash)
      index = (index - 1) / 2
      if ((height + 1) % heightOfLevel === 0) nodes.push({ level: (height + 1) / heightOfLevel, index, hash })
    }
    this.#peaks[height] = hash
    this.size++
    return nodes
  }

  root(): Buffer | null {
    let root: Buffer | null = null
    for (let [rest, height] = [this.size, 0]; rest > 0; rest = Math.floor(rest / 2), height++) {
      const peak = this.#peaks[height]
      if (rest % 2 === 1 && peak) root = root ? nodeHash(peak, root) : peak
    }
    return root
  }
}

const checkpointsAtOnce = 500

/**
 * Holds leaves, nodes and checkpoints of the database against each other and against the signatures, up to the size that
 * the tree had in the beginning: the service may seal on meanwhile.
 */
export class TreeCheck {
  readonly #run: Run
  readonly #report: Report
  readonly #keys: CheckedKeys
  readonly #sizeMax: number
  readonly #tree = new Regrown()
  readonly #checkpoints: Checkpoint[] = []
  #lastSize = 0
  #lastPlace: Checkpoint | null = null
  /** Leaves since the last root that was right. */
  #since: { first: Leaf; last: Leaf } | null = null
  /** A leaf is missing, so that no later root can be made. */
  #isBroken = false
  #isForked = false
  #wrongRoots = 0

  constructor(run: Run, report: Report, keys: CheckedKeys, sizeMax: number) {
    this.#run = run
    this.#report = report
    this.#keys = keys
    this.#sizeMax = sizeMax
  }

  get size(): number {
    return this.#tree.size
  }

  /** Takes the next leaves, in their order. */
  async add(leaves: readonly Leaf[]): Promise<void> {
    const nodes: { level: number; index: number; hash: Buffer; leaf: Leaf }[] = []
    for (const leaf of leaves) {
      if (leaf.index >= this.#sizeMax) break
      if (!this.#isBroken && leaf.index !== this.#tree.size) this.#breakAt(leaf)
      if (this.#isBroken) continue
      for (const node of this.#tree.push(leaf.hash)) nodes.push({ ...node, leaf })
      this.#since = { first: this.#since?.first ?? leaf, last: leaf }
      const checkpoint = await this.#checkpointAt(this.#tree.size)
      if (checkpoint) this.#hold(checkpoint)
    }
    await this.#compareNodes(nodes)
  }

  /** When all leaves are in. */
  async end(): Promise<void> {
    const lost = this.#sizeMax - this.#tree.size
    if (!this.#isBroken && lost > 0)
      this.#report.fault(
        null,
        `${lost} leaves from ${this.#tree.size} on are missing, which the newest checkpoint covers`,
      )
    if (this.#wrongRoots > 1)
      this.#report.fault(null, `the roots of ${this.#wrongRoots - 1} checkpoints after it are others, too`)
    for (let one = await this.#next(); one; one = await this.#next()) {
      this.#checkpoints.shift()
      this.#holdSignature(one)
    }
    // In one snapshot, so that nodes are held against the checkpoint they came with.
    const beyond = await this.#run(async (tables) => tables.nodesBeyond((await tables.newestCheckpoint())?.size ?? 0))
    for (const { level, index } of beyond)
      this.#report.fault(null, `node ${index} of level ${level} stands over leaves that there are none of`)
  }

  #breakAt(leaf: Leaf): void {
    this.#isBroken = true
    this.#report.fault(
      leaf.eventId,
      `leaf ${this.#tree.size} is missing (the next is ${leaf.index}): no later root can be made`,
    )
  }

  async #next(): Promise<Checkpoint | undefined> {
    if (this.#checkpoints.length === 0) {
      const more = await this.#run((tables) => tables.checkpoints(this.#lastSize, checkpointsAtOnce))
      this.#checkpoints.push(...more.filter((one) => one.size <= this.#sizeMax))
      this.#lastSize = more.at(-1)?.size ?? Number.MAX_SAFE_INTEGER
    }
    return this.#checkpoints[0]
  }

  async #checkpointAt(size: number): Promise<Checkpoint | null> {
    const next = await this.#next()
    if (next?.size !== size) return null
    return this.#checkpoints.shift() ?? null
  }

  #hold(checkpoint: Checkpoint): void {
    const root = this.#holdSignature(checkpoint)
    if (root === null) return
    if (this.#tree.root()?.equals(root)) {
      if (this.#isForked) this.#wrongRoots = 0
      this.#since = null
      return
    }
    this.#wrongRoots++
    if (this.#isForked || !this.#since) return
    this.#isForked = true
    const { first, last } = this.#since
    this.#report.fault(
      first.eventId,
      `leaves ${first.index} to ${last.index} (events ${first.eventId} to ${last.eventId}) are not what was signed: the checkpoint of ${checkpoint.size} events has another root`,
    )
  }

  /** @returns the root that was signed; null where nothing was, or something else */
  #holdSignature(checkpoint: Checkpoint): Buffer | null {
    const { size } = checkpoint
    this.#report.checkpoints++
    const key = this.#keys.find(checkpoint.keyGeneration)
    const signed = key && openNote(checkpoint.note, [verifierKey(this.#report.tenantId, key.publicKey)])
    const head = signed && parseCheckpoint(signed.text)
    if (!head || head.origin !== originOf(this.#report.tenantId)) {
      this.#report.fault(null, `the checkpoint of ${size} events is not signed by key ${checkpoint.keyGeneration}`)
      return null
    }
    const last = this.#keys.lastSizeOf(checkpoint.keyGeneration)
    if (size > last)
      this.#report.fault(
        null,
        `the checkpoint of ${size} events is signed by key ${checkpoint.keyGeneration}, which had signed its last at ${last}`,
      )
    const wrong = [
      head.size !== size && 'its size',
      !head.rootHash.equals(checkpoint.rootHash) && 'its root',
      !head.extensions.includes(watermarkLine(checkpoint)) && 'the place up to which it covers events',
      !saysTime(head.extensions, checkpoint.madeAt) && 'its time',
    ].filter((name) => name !== false)
    if (wrong.length > 0)
      this.#report.fault(
        null,
        `the checkpoint of ${size} events was changed: ${wrong.join(', ')} is not what was signed`,
      )
    else if (this.#lastPlace && isBefore(checkpoint, this.#lastPlace))
      this.#report.fault(null, `the checkpoint of ${size} events covers less than the one before it`)
    else this.#lastPlace = checkpoint
    return head.size === size ? head.rootHash : null
  }

  async #compareNodes(nodes: readonly { level: number; index: number; hash: Buffer; leaf: Leaf }[]): Promise<void> {
    for (const [level, made] of Map.groupBy(nodes, (node) => node.level)) {
      const from = made[0]?.index ?? 0
      const stored = await this.#run((tables) => tables.nodes(level, from, (made.at(-1)?.index ?? 0) + 1))
      const known = new Map(stored.map((node) => [node.index, node.hash]))
      for (const { index, hash, leaf } of made)
        if (!known.get(index)?.equals(hash))
          this.#report.fault(
            null,
            `node ${index} of level ${level}, up to leaf ${leaf.index}, is ${known.has(index) ? 'not the root of what is below it' : 'missing'}`,
          )
    }
  }
}

const isBefore = (one: Checkpoint, other: Checkpoint): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && BigInt(one.watermark) < BigInt(other.watermark))
