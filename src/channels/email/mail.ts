import type { Mailbox } from './address.ts'
import type { HeaderFields } from './header-block.ts'

/** A mail as it is understood, whoever posted it and in whatever form. All texts are storable. */
export interface Mail {
  /** not decoded */
  fields: HeaderFields
  from?: Mailbox
  replyTo: Mailbox[]
  to: Mailbox[]
  cc: Mailbox[]
  subject?: string
  /** as the sender's clock had it */
  date: Date | null
  /** without the files; from the HTML where there is no other */
  text: string
  html?: string
  /** The text, the HTML or the list of parts is not whole: the rest is in the mail as it came. */
  isCut: boolean
  parts: MailPart[]
}

/** A file of a mail. */
export interface MailPart {
  /** how `mediaPart` finds it again */
  name: string
  filename?: string
  mediaType: string
  /** without brackets */
  contentId?: string
  isInline: boolean
  /** of a calendar part, in capitals */
  method?: string
  sizeBytes?: number
  /** of small ones only */
  content?: Buffer
}
