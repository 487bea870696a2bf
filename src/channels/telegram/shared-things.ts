import {
  at,
  camelCased,
  compact,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  textAt,
} from '../json.ts'
import type { MediaRef, MessageType } from '../neutral.ts'
import { fileRef, largestOf } from './file.ts'

/** What people share that is neither words nor a file of theirs: cards, places, polls, games, purchases. */
export interface Extra {
  type: MessageType
  content: JsonObject
  text: string
  media: MediaRef[]
}

/** A contact card, in the shape that every channel gives it. */
export function contactBody(message: JsonObject): Extra | undefined {
  const card = at(message, 'contact')
  if (!isObject(card)) return undefined
  const phone = textAt(card, 'phone_number')
  const firstName = textAt(card, 'first_name')
  const lastName = textAt(card, 'last_name')
  const formattedName = [firstName, lastName].filter((part) => part !== undefined).join(' ')
  const contact = compact({
    name: compact({ formattedName, firstName, lastName }),
    phones: phone === undefined ? [] : [{ phone }],
    userId: textAt(card, 'user_id'),
    vcard: textAt(card, 'vcard'),
  })
  const name = formattedName === '' ? (phone ?? 'unnamed') : formattedName
  return extra('contacts', { contacts: [contact] }, `[contacts] ${name}`)
}

/** A venue comes with the bare location beside it, so it is looked at first. A live location moves by edits. */
export function locationBody(message: JsonObject): Extra | undefined {
  const venue = at(message, 'venue')
  const location = isObject(venue) ? at(venue, 'location') : at(message, 'location')
  if (!isObject(location)) return undefined
  const latitude = numberAt(location, 'latitude')
  const longitude = numberAt(location, 'longitude')
  const name = textAt(venue, 'title')
  const address = textAt(venue, 'address')
  const livePeriodSeconds = numberAt(location, 'live_period')
  const place = [name, address].filter((part) => part !== undefined)
  const coordinates = [latitude, longitude].filter((part) => part !== undefined)
  const content = {
    latitude: latitude ?? null,
    longitude: longitude ?? null,
    name,
    address,
    live: livePeriodSeconds === undefined ? undefined : true,
    livePeriodSeconds,
    headingDegrees: numberAt(location, 'heading'),
    accuracyMeters: numberAt(location, 'horizontal_accuracy'),
    venue: isObject(venue) ? withoutLocation(venue) : undefined,
  }
  const label = livePeriodSeconds === undefined ? '[location]' : '[live location]'
  return extra('location', content, `${label} ${(place.length > 0 ? place : coordinates).join(', ')}`.trim())
}

function withoutLocation(venue: JsonObject): JsonValue | undefined {
  const { location: _location, title: _title, address: _address, ...ids } = venue
  return Object.keys(ids).length === 0 ? undefined : camelCased(ids)
}

/** Polls, dice, games, invoices, checklists, stories, what a web app sends back, what somebody picked or paid. */
export function interactiveBody(message: JsonObject): Extra | undefined {
  const as = (member: string) => camelCased(at(message, member) ?? null)
  const word = (...path: string[]) => textAt(message, ...path)
  for (const member of ['poll', 'dice', 'game', 'invoice', 'checklist', 'story', 'giveaway']) {
    if (!isObject(at(message, member))) continue
    const named = NAMED[member]?.map((path) => word(member, ...path)).find((one) => one !== undefined)
    const media = member === 'game' ? fileRef('image', largestOf(listAt(message, 'game', 'photo'))) : []
    const type = member === 'story' || member === 'giveaway' ? 'unsupported' : 'interactive'
    const content = { kind: member, providerType: type === 'unsupported' ? member : undefined, [member]: as(member) }
    return extra(type, content, named === undefined ? `[${member}]` : `[${member}] ${named}`, media)
  }
  if (isObject(at(message, 'web_app_data')))
    return extra(
      'form',
      { data: word('web_app_data', 'data'), title: word('web_app_data', 'button_text') },
      `[form] ${word('web_app_data', 'button_text') ?? ''}`.trim(),
    )
  if (isObject(at(message, 'successful_payment'))) {
    const amount = numberAt(message, 'successful_payment', 'total_amount')
    const text = `[payment] ${amount ?? ''} ${word('successful_payment', 'currency') ?? ''}`.trim()
    return extra('order', { payment: as('successful_payment') }, text)
  }
  for (const member of ['users_shared', 'user_shared', 'chat_shared'])
    if (isObject(at(message, member)))
      return extra(
        'button',
        { kind: member, shared: as(member) },
        member === 'chat_shared' ? '[chat shared]' : '[users shared]',
      )
  return undefined
}

const NAMED: Record<string, string[][]> = {
  poll: [['question']],
  dice: [['emoji']],
  game: [['title']],
  invoice: [['title']],
  checklist: [['title']],
}

function extra(
  type: MessageType,
  content: Record<string, JsonValue | undefined>,
  text: string,
  media: MediaRef[] = [],
): Extra {
  return { type, content: compact(content), text, media }
}
