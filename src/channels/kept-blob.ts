import type { KeptBlob } from './channel.ts'

/** Bytes that are in memory, as they are read from where they are kept. */
export function keptBuffer(bytes: Buffer): KeptBlob {
  return {
    sizeBytes: bytes.length,
    async *read(start, end) {
      for (let at = start; at < Math.min(end, bytes.length); at += 65_536)
        yield bytes.subarray(at, Math.min(at + 65_536, end, bytes.length))
    },
  }
}

/** A part of them by itself. */
export function keptPart(kept: KeptBlob, start: number, end: number): KeptBlob {
  return { sizeBytes: end - start, read: (from, to) => kept.read(start + from, Math.min(start + to, end)) }
}
