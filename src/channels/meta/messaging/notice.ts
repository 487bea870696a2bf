import type { Parsed } from '../../channel.ts'
import { at, camelCased, textAt } from '../../json.ts'
import type { NoticeEvent } from '../../neutral.ts'
import { timeOf } from '../../time.ts'
import { detailOf, type Item } from './item.ts'

/** What concerns the page: Meta has restricted it, or given its app another role. */
export function parseNotice(source: Item): Parsed {
  const detail = detailOf(source)
  const occurredAt = timeOf(at(source.item, 'timestamp'))
  const action = textAt(detail, 'action')
  const event: NoticeEvent =
    source.name === 'policy_enforcement'
      ? {
          type: 'notice',
          kind: 'policy_enforcement',
          severity: severityOf(action?.toLowerCase()),
          text: `policy enforcement: ${action ?? 'unknown'}`,
          detail: camelCased(detail),
          occurredAt,
        }
      : {
          type: 'notice',
          kind: 'app_roles',
          severity: 'info',
          text: 'the roles of the page’s apps changed',
          // Its keys are the apps' ids: they stay as they are.
          detail,
          occurredAt,
        }
  return { outcome: 'events', events: [event] }
}

function severityOf(action: string | undefined): NoticeEvent['severity'] {
  if (action === 'unblock') return 'info'
  return action === 'block' ? 'error' : 'warning'
}
