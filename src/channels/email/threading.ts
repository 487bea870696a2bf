import { createHash } from 'node:crypto'
import type { Thread } from '../neutral.ts'
import { fieldOf, messageIds } from './header-block.ts'
import type { Mail } from './mail.ts'
import { ownMessageId, type TokenPurpose, tokenOf } from './token.ts'

const REFERENCES_MAX = 50

export interface Place {
  thread: Thread
  /** nearest first */
  references: string[]
  replyTo?: string
  purpose?: TokenPurpose
  /** our own id of the message whose word that is */
  namedId?: string
}

/**
 * Where a mail belongs: by the word in our own address, then by In-Reply-To, then by References, the newest first. By
 * its subject, never. What knows none of these begins a thread, and its thread is named by the oldest mail that it or
 * any later one refers to, so that mails of one thread meet in whatever order they arrive.
 */
export function placeOf(mail: Mail, recipients: readonly string[], mailbox: string, externalId: string): Place {
  const addressed = [...recipients, ...mail.to.map((one) => one.address), ...mail.cc.map((one) => one.address)]
  const delivered = ['delivered-to', 'x-original-to', 'envelope-to', 'x-forwarded-to'].flatMap(
    (name) => mail.fields.get(name) ?? [],
  )
  const token = [...addressed, ...delivered]
    .map((one) => tokenOf(one.replaceAll(/[<>\s]/g, ''), mailbox))
    .find((one) => one !== undefined)
  const answered = messageIds(fieldOf(mail.fields, 'in-reply-to'))
  const older = messageIds(fieldOf(mail.fields, 'references'))
  const named = token === undefined ? [] : [ownMessageId(token.messageId, mailbox)]
  const all = [...new Set([...named, ...answered, ...older.toReversed()])].filter((one) => one !== externalId)
  const root = older[0] ?? answered[0] ?? named[0] ?? externalId
  const [replyTo] = all
  return {
    // Short, whatever the sender's program writes: it is a key, and goes back with every answer.
    thread: { id: createHash('sha256').update(root).digest('hex').slice(0, 32), kind: 'direct' },
    references: all.slice(0, REFERENCES_MAX),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(token === undefined ? {} : { purpose: token.purpose, namedId: token.messageId }),
  }
}
