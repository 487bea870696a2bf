/** What rules are asked at. Of messages from the past, nothing. */
export const routingEvents = [
  'conversation_created',
  'message_received',
  'conversation_reopened',
  'consent_changed',
] as const
export type RoutingEvent = (typeof routingEvents)[number]

/** Something that happened in a conversation. */
export interface Occasion {
  event: RoutingEvent
  /** what was said; null where nothing was */
  messageId: string | null
}
