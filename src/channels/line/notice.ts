import { at, camelCased, type JsonObject, textAt } from '../json.ts'
import type { NoticeEvent } from '../neutral.ts'
import { timeOf } from '../time.ts'

/** What LINE tells about the account: whether it works, and who is in control of its chats. */
const NOTICES: Record<string, { severity: NoticeEvent['severity']; text: string }> = {
  botSuspended: { severity: 'error', text: 'LINE suspended the account' },
  botResumed: { severity: 'info', text: 'LINE lifted the suspension of the account' },
  activated: { severity: 'info', text: 'This channel took over a chat' },
  deactivated: { severity: 'info', text: 'This channel gave a chat away' },
}

/** Undefined for types that are about somebody, or not known. */
export function noticeOf(event: JsonObject): NoticeEvent | undefined {
  const type = textAt(event, 'type') ?? ''
  const occurredAt = timeOf(at(event, 'timestamp'))
  if (type === 'module') {
    const isDetached = textAt(event, 'module', 'type') === 'detached'
    return {
      type: 'notice',
      kind: isDetached ? 'module_detached' : 'module_attached',
      severity: isDetached ? 'error' : 'info',
      text: isDetached ? 'The account detached this module' : 'The account attached this module',
      detail: camelCased(at(event, 'module') ?? null),
      occurredAt,
    }
  }
  const notice = Object.hasOwn(NOTICES, type) ? NOTICES[type] : undefined
  if (notice === undefined) return undefined
  return {
    type: 'notice',
    kind: type.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    ...notice,
    detail: camelCased(at(event, 'chatControl') ?? null),
    occurredAt,
  }
}
