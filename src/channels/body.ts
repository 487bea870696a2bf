import type { MediaRef, MessageBody } from './neutral.ts'

/** What a provider's message says: its content by type with its plain text, and the files that it refers to. */
export interface Body {
  message: MessageBody
  media: MediaRef[]
}
