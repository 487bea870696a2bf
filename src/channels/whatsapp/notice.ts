import type { Parsed } from '../channel.ts'
import { at, camelCased, isObject, type JsonValue, listAt, objectAt, textAt } from '../json.ts'
import type { NoticeEvent } from '../neutral.ts'
import { timeOf } from '../time.ts'

/** Account-level fields that say something about the channel's health. */
const NOTICE_FIELDS = new Set([
  'account_update',
  'account_review_update',
  'account_alerts',
  'account_settings_update',
  'business_capability_update',
  'business_status_update',
  'business_username_update',
  'business_username_updates',
  'flows',
  'group_lifecycle_update',
  'group_participants_update',
  'group_settings_update',
  'group_status_update',
  'message_template_components_update',
  'message_template_quality_update',
  'message_template_status_update',
  'partner_solutions',
  'payment_configuration_update',
  'phone_number_name_update',
  'phone_number_quality_update',
  'security',
  'template_category_update',
  'template_correct_category_detection',
  'history',
])

const ERROR_WORDS =
  /\b(ACCOUNT_DELETED|ACCOUNT_OFFBOARDED|DISABLED?(_UPDATE)?|PARTNER_REMOVED|PARTNER_APP_UNINSTALLED|SUSPENDED|BANNED|CRITICAL)\b/
const WARNING_WORDS =
  /VIOLATION|RESTRICTION|REJECTED|PAUSED|FLAGGED|DOWNGRADE|\bYELLOW\b|\bRED\b|DECLINED|PENDING_DELETION|REMOVED|WARNING|LOCKED|LIMIT_EXCEEDED/

export function parseNotice(payload: JsonValue): Parsed {
  const field = textAt(payload, 'field') ?? 'unknown'
  const value = objectAt(payload, 'value')
  // Errors without a message beside them are the provider's complaint about the account, whatever the field.
  if (!NOTICE_FIELDS.has(field) && listAt(value, 'errors').length === 0) return unnoticed(field, payload)
  const said = (members: string[][]) =>
    members
      .map((member) => textAt(value, ...member))
      .filter((word) => word !== undefined)
      .join(' ')
  const states = said(STATES)
  return {
    outcome: 'events',
    events: [
      {
        type: 'notice',
        kind: field,
        severity: severityOf(states.toUpperCase(), value),
        text: [field.replaceAll('_', ' '), `${said(SUBJECTS)} ${states}`.trim()]
          .filter((part) => part !== '')
          .join(': '),
        detail: camelCased(value),
        occurredAt: timeOf(at(payload, 'time')),
      },
    ],
  }
}

/** Fields about advertisements and the provider's own automatic events. */
const UNUSED_FIELDS = new Set(['automatic_events', 'tracking_events'])
/** What stands beside the items of a value. */
const ABOUT_VALUE = new Set(['messaging_product', 'metadata', 'contacts'])

function unnoticed(field: string, payload: JsonValue): Parsed {
  const value = at(payload, 'value')
  if (UNUSED_FIELDS.has(field)) return { outcome: 'ignored', reason: 'field_unused' }
  if (!isObject(value)) return { outcome: 'failed', reason: 'unknown_shape' }
  const isEmpty = Object.entries(value).every(
    ([name, one]) => ABOUT_VALUE.has(name) || (Array.isArray(one) && one.length === 0),
  )
  return isEmpty ? { outcome: 'ignored', reason: 'empty' } : { outcome: 'failed', reason: 'field_unknown' }
}

/** The members, across all fields, that hold the gist: what it is about (names, chosen freely), and what became of it. */
const SUBJECTS: string[][] = [
  ['message_template_name'],
  ['message_template_language'],
  ['requested_verified_name'],
  ['username'],
  ['display_phone_number'],
]
const STATES: string[][] = [
  ['event'],
  ['decision'],
  ['status'],
  ['alert_status'],
  ['alert_info', 'alert_type'],
  ['alert_info', 'alert_status'],
  ['alert_info', 'alert_severity'],
  ['previous_quality_score'],
  ['new_quality_score'],
  ['previous_category'],
  ['new_category'],
  ['current_limit'],
  ['ban_info', 'waba_ban_state'],
  ['violation_info', 'violation_type'],
  ['disconnection_info', 'reason'],
]

function severityOf(states: string, value: JsonValue): NoticeEvent['severity'] {
  if (textAt(value, 'ban_info', 'waba_ban_state') === 'REINSTATE') return 'info'
  if (ERROR_WORDS.test(states)) return 'error'
  return WARNING_WORDS.test(states) || at(value, 'errors') !== undefined ? 'warning' : 'info'
}
