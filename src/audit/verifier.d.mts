/** Types of verifier.mjs, which itself has none: whoever downloads it needs nothing but Node. */
export interface TrustedKey {
  name: string
  id: string
  line: string
}

export class GrowingTree {
  readonly size: number
  add(hash: Buffer, width: number): void
  skipTo(place: number, hashes: readonly Buffer[]): boolean
  root(): Buffer
}

export function rootFromInclusion(
  leafHash: Buffer,
  index: number,
  size: number,
  proof: readonly Buffer[],
): Buffer | null
export function rootsFromConsistency(
  from: number,
  to: number,
  fromRoot: Buffer,
  proof: readonly Buffer[],
): [Buffer, Buffer] | null
export function readKey(line: string): TrustedKey
export function checkEvent(text: string, trusted: TrustedKey): string
export function checkConsistency(text: string, trusted: TrustedKey, kept?: readonly string[]): string
export function checkExport(lines: Iterable<string>, trusted: TrustedKey, mustBeComplete?: boolean): string
export function checkReport(text: string, trusted: TrustedKey): string
export function main(words: readonly string[]): [code: number, text: string]
