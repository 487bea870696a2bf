import { createHmac } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { sameSecret } from '../../channels/constant-time.ts'
import type { Visitor } from '../../channels/webchat/visitor-post.ts'
import type { newSession } from './schema.ts'
import { newVisitorId } from './visitor-token.ts'
import type { ChatChannel, Visitors } from './visitors.ts'

/**
 * The visitor of a new session: the one whose token is shown, or a new one. Another user of the site is another visitor
 * than the one before on the same machine, and gets nothing of theirs.
 * @throws Problem unauthenticated for a token that is none, invalid_signature for a hash that is not the user's
 */
export async function whoOpens(
  visitors: Visitors,
  request: FastifyRequest,
  chat: ChatChannel,
  { visitorToken, userId, userHash, name, email }: z.infer<typeof newSession>,
): Promise<Visitor> {
  if (userId !== undefined || userHash !== undefined) {
    const expected = createHmac('sha256', chat.settings.signingSecret)
      .update(userId ?? '')
      .digest('hex')
    if (userId === undefined || !sameSecret((userHash ?? '').toLowerCase(), expected))
      throw await visitors.badSignature(request, chat)
  }
  const before = visitorToken === undefined ? null : (await visitors.visitor(request, chat, visitorToken)).visitor
  const isOther = before?.userId !== undefined && userId !== undefined && before.userId !== userId
  return {
    ...(before === null || isOther ? { id: newVisitorId() } : before),
    ...(userId === undefined ? {} : { userId }),
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email: email.toLowerCase() }),
  }
}
