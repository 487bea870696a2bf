import type { OutboundMessage } from '../../channel.ts'

/** What somebody said in public is known by, and so are threads of it; see comment.ts. */
const SAID = /^(comment|post):(.+)$/

/** Whether a thread is one under a post, where nothing is sent to but what answers somebody there. */
export const isPublicThread = ({ recipient }: Pick<OutboundMessage, 'recipient'>): boolean =>
  SAID.test(recipient.thread?.id ?? '')

/**
 * Whom an answer in public's thread goes to: the author of a comment or a post, as its author, in private. The comment
 * that it answers by name, else the last one of this person. Meta takes one such message for each, within seven days
 * (to live comments while the broadcast lasts), and refuses further ones.
 * Source: Meta, Messenger Platform and Instagram Platform "Private Replies".
 */
export function privateRecipient({ replyTo, references = [] }: OutboundMessage): Record<string, string> | undefined {
  for (const name of [replyTo, ...references]) {
    const [, kind, id] = SAID.exec(name ?? '') ?? []
    if (id !== undefined) return kind === 'post' ? { post_id: id } : { comment_id: id }
  }
  return undefined
}
