import { z } from 'zod'
import { Problem } from '../../errors.ts'

/** How far each of a visitor's conversations has been told: the number of the last message by its conversation. */
export type VisitorCursor = Readonly<Record<string, number>>

const positions = z.record(z.uuid(), z.int().min(0))
const conversationsMax = 50

/** It steers only what is told of the visitor's own, so that it need not be sealed. */
export function writeCursor(cursor: VisitorCursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

/** @throws Problem invalid_cursor */
export function readCursor(text: string): VisitorCursor {
  const { data } = positions.safeParse(decoded(text))
  if (!data || Object.keys(data).length > conversationsMax) throw new Problem('invalid_cursor')
  return data
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return null
  }
}

/** After these messages, whatever their order. */
export function after(
  cursor: VisitorCursor,
  told: readonly { conversationId: string; sequence: number }[],
): VisitorCursor {
  const next: Record<string, number> = { ...cursor }
  for (const { conversationId, sequence } of told) next[conversationId] = Math.max(next[conversationId] ?? 0, sequence)
  return next
}
