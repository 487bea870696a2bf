import { at, type JsonValue, textAt } from '../json.ts'

/**
 * The words by which a provider names what it tells; those of no use here (a click, a mail handed on) among them.
 * Sources: Postmark "Webhooks", Mailgun "Webhooks", SendGrid "Event Webhook", AWS "Amazon SES event data".
 */
const WORDS = {
  postmark: {
    word: (event: JsonValue) => textAt(event, 'RecordType'),
    known: new Set(['Bounce', 'SpamComplaint', 'Delivery', 'Open', 'SubscriptionChange', 'Click']),
  },
  mailgun: {
    word: (event: JsonValue) => textAt(at(event, 'event-data') ?? event, 'event'),
    known: new Set(
      'accepted bounced clicked complained delivered dropped failed list_member_uploaded opened rejected stored unsubscribed'.split(
        ' ',
      ),
    ),
  },
  sendgrid: {
    word: (event: JsonValue) => textAt(event, 'event'),
    known: new Set(
      'bounce click deferred delivered dropped group_resubscribe group_unsubscribe open processed spamreport unsubscribe'.split(
        ' ',
      ),
    ),
  },
  ses: {
    word: (event: JsonValue) =>
      (textAt(event, 'notificationType') ?? textAt(event, 'eventType'))?.toLowerCase().replaceAll(' ', ''),
    known: new Set(
      'amazonsnssubscriptionsucceeded bounce click complaint delivery deliverydelay open received reject renderingfailure send subscription'.split(
        ' ',
      ),
    ),
  },
}

/** Whether a provider tells this as far as this release knows; else it is listed as not understood. */
export function isKnownNotification(provider: keyof typeof WORDS, event: JsonValue): boolean {
  const { word, known } = WORDS[provider]
  return known.has(word(event) ?? '')
}
