import type { DeleteEvent, EditEvent, ReactionEvent } from '../../channels/neutral.ts'
import { veiledOf } from '../../privacy/detection.ts'
import { addMedia, messageOf, placeOf } from './message.ts'
import { type Cause, changeMessage, iso, type Outcome, type Records } from './records.ts'

/** An edit: nothing of the old text stays. Of two edits the later one counts, whichever came first. */
export function applyEdit(records: Records, event: EditEvent, cause: Cause): Outcome {
  const message = messageOf(records, event.externalId)
  if (!message) return { status: 'waiting' }
  const place = placeOf(message)
  if (message.deletedMs !== null) return { status: 'ignored', reason: 'message_deleted', ...place }
  if (message.editedMs !== null && message.editedMs > cause.atMs)
    return { status: 'ignored', reason: 'edited_later', ...place }
  const isAgain = message.editedMs === cause.atMs
  message.editedMs = cause.atMs
  const { type, content, text } = event.message
  const veiled = veiledOf({ text, content }, message.country)
  changeMessage(message, { type, content, text, veiled, editedAt: iso(cause.atMs) })
  // An edit that names files names all of them; the same edit again has done so already.
  if (event.media.length > 0 && !isAgain) {
    records.attachments.splice(
      0,
      records.attachments.length,
      ...records.attachments.filter((one) => one.messageId !== message.id),
    )
    if (!message.made && message.attachmentIds.length > 0) records.emptied.add(message.id)
    message.attachmentIds = addMedia(records, event.media, message)
    changeMessage(message, { attachmentIds: message.attachmentIds })
  }
  return { status: 'processed', ...place }
}

/** Its author took the message back: what it said goes, that it was there stays. */
export function applyDelete(records: Records, event: DeleteEvent, cause: Cause): Outcome {
  const message = messageOf(records, event.externalId)
  if (!message) return { status: 'waiting' }
  if (message.deletedMs === null) {
    message.deletedMs = cause.atMs
    message.attachmentIds = []
    message.reactions = []
    const empty = { content: {}, text: '', veiled: {}, reactions: [], attachmentIds: [] }
    changeMessage(message, { ...empty, deletedAt: iso(cause.atMs) })
    const { attachments } = records
    attachments.splice(0, attachments.length, ...attachments.filter((one) => one.messageId !== message.id))
    if (!message.made) records.emptied.add(message.id)
  }
  return { status: 'processed', ...placeOf(message) }
}

/** One reaction per side; the latest counts. */
export function applyReaction(records: Records, event: ReactionEvent, cause: Cause): Outcome {
  const message = messageOf(records, event.externalId)
  if (!message) return { status: 'waiting' }
  const place = placeOf(message)
  if (message.deletedMs !== null) return { status: 'ignored', reason: 'message_deleted', ...place }
  const by = event.direction === 'inbound' ? 'contact' : 'member'
  const before = message.reactions.find((one) => one.by === by)
  if (before && Date.parse(before.at) > cause.atMs) return { status: 'ignored', reason: 'reacted_later', ...place }
  const others = message.reactions.filter((one) => one.by !== by)
  message.reactions =
    event.emoji === null ? others : [...others, { by, emoji: event.emoji.slice(0, 64), at: iso(cause.atMs) }]
  if (event.emoji !== null || before) changeMessage(message, { reactions: message.reactions })
  return { status: 'processed', ...place }
}
