import type { StoredRanges } from './tree-reader.ts'

/** An event of an export: its sealed form, or what its reader may see of it beside the hash of that form. */
export type ExportedEvent =
  | { leafIndex: number; leaf: string }
  | { leafIndex: number; leafHash: Buffer; event: Readonly<Record<string, unknown>> }

/**
 * The lines of an export (newline-delimited JSON), which the offline verifier checks as they come:
 *
 *     {"checkpoint": "…", "endorsements": ["…"]}     first: the signed root that everything is held against
 *     {"leafIndex": 17, "skipped": ["…"], "leaf": "…"}    an event in its sealed form
 *     {"leafIndex": 18, "leafHash": "…", "event": {…}}    or what its reader may see of it
 *     {"events": 500, "rest": ["…"]}                 after every few events: that much is proven
 *     {"events": 731, "rest": ["…"], "end": true}    last
 *
 * Events come in the order of the log. `skipped` are the roots of the complete subtrees between the event and the one
 * before it, `rest` of those from the last event to the end of the tree: from left to right the fewest that there are.
 * So the root of the whole tree comes out of the lines, whichever events were asked for; and where nothing is skipped,
 * nothing is missing.
 */
export class ExportLines {
  readonly #size: number
  /** The leaf after the last one that was written. */
  #next = 0
  #events = 0

  /** @param size of the tree, as the checkpoint says */
  constructor(size: number) {
    this.#size = size
  }

  head(checkpoint: string, endorsements: readonly string[]): string {
    return line({ checkpoint, endorsements })
  }

  /**
   * Some events and their proof.
   * @param stored the stored hashes around the events, the last one before them and the end of the tree
   */
  events(events: readonly ExportedEvent[], stored: StoredRanges): string {
    const lines: string[] = []
    for (const event of events) {
      const { leafIndex } = event
      if (leafIndex < this.#next) throw new Error('events are exported in the order of the log')
      const skipped =
        leafIndex > this.#next ? { skipped: base64(stored.hashesOf({ from: this.#next, to: leafIndex })) } : {}
      const said =
        'leaf' in event ? { leaf: event.leaf } : { leafHash: event.leafHash.toString('base64'), event: event.event }
      lines.push(line({ leafIndex, ...skipped, ...said }))
      this.#next = leafIndex + 1
    }
    this.#events += events.length
    return lines.join('')
  }

  /** What follows the events so far: with it they are proven. */
  proof(stored: StoredRanges, isEnd: boolean): string {
    const rest = base64(stored.hashesOf({ from: this.#next, to: this.#size }))
    return line({ events: this.#events, rest, ...(isEnd ? { end: true } : {}) })
  }

  /** Nothing more will come, though there would be more; what was proven before stays so. */
  interrupted(code: string): string {
    return line({ interrupted: code })
  }
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`

const base64 = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('base64'))
