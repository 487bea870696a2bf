import { compact, type JsonObject, wellFormed } from '../json.ts'

const BYTES_MAX = 512 * 1024
const TEXT_LENGTH_MAX = 2_000
const ATTENDEES_MAX = 100

/**
 * What an invitation says (RFC 5545), for showing it: its first event. The part itself stays a file, whole.
 * @returns undefined where there is no event in it
 */
export function calendarOf(bytes: Buffer, method: string | undefined): JsonObject | undefined {
  const lines = unfolded(wellFormed(bytes.toString('utf8', 0, BYTES_MAX)))
  const begin = lines.findIndex((line) => /^BEGIN:VEVENT$/i.test(line))
  if (begin === -1) return undefined
  const end = lines.findIndex((line, index) => index > begin && /^END:VEVENT$/i.test(line))
  const event = withoutNested(lines.slice(begin + 1, end === -1 ? lines.length : end)).flatMap(property)
  const of = (name: string): Property | undefined => event.find((one) => one.name === name)
  const textOf = (name: string): string | undefined => unescaped(of(name)?.value)
  const declared = lines
    .slice(0, begin)
    .flatMap(property)
    .find((one) => one.name === 'METHOD')?.value
  return compact({
    method: (method ?? declared)?.toUpperCase().slice(0, 40),
    uid: textOf('UID'),
    sequence: textOf('SEQUENCE'),
    status: textOf('STATUS')?.toLowerCase(),
    summary: textOf('SUMMARY'),
    description: textOf('DESCRIPTION'),
    location: textOf('LOCATION'),
    start: moment(of('DTSTART')),
    end: moment(of('DTEND')),
    duration: textOf('DURATION'),
    recurrence: textOf('RRULE'),
    organizer: person(of('ORGANIZER')),
    attendees: event
      .filter((one) => one.name === 'ATTENDEE')
      .slice(0, ATTENDEES_MAX)
      .flatMap((one) => person(one) ?? []),
  })
}

interface Property {
  name: string
  parameters: Map<string, string>
  value: string
}

/** A line that begins with a blank goes on from the one before it. */
function unfolded(text: string): string[] {
  return text
    .replaceAll(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
}

/** Alarms within an event have properties of the same names. */
function withoutNested(lines: readonly string[]): string[] {
  let depth = 0
  return lines.filter((line) => {
    if (/^BEGIN:/i.test(line)) depth += 1
    const isOwn = depth === 0
    if (/^END:/i.test(line)) depth = Math.max(0, depth - 1)
    return isOwn
  })
}

function property(line: string): Property[] {
  // The colon that ends the parameters is the first one outside quotes.
  const head = /^(?:[^":]|"[^"]*")*/.exec(line)?.[0] ?? ''
  if (line[head.length] !== ':') return []
  const [name = '', ...parameters] = head.match(/(?:[^";]|"[^"]*")+/g) ?? []
  return [
    {
      name: name.toUpperCase(),
      parameters: new Map(
        parameters.map((one) => {
          const equals = one.indexOf('=')
          return [one.slice(0, equals).toUpperCase(), one.slice(equals + 1).replace(/^"|"$/g, '')]
        }),
      ),
      value: line.slice(head.length + 1),
    },
  ]
}

function unescaped(value: string | undefined): string | undefined {
  const text = value
    ?.replaceAll(/\\([nN,;\\])/g, (_match, letter: string) => (letter.toLowerCase() === 'n' ? '\n' : letter))
    .slice(0, TEXT_LENGTH_MAX)
    .trim()
  return text === '' ? undefined : text
}

/** A date, a UTC time, or a local time with the name of its zone, which only the sender's calendar defines. */
function moment(given: Property | undefined): JsonObject | undefined {
  const [, year, month, day, hour, minute, second, zulu] =
    /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/.exec(given?.value ?? '') ?? []
  if (year === undefined) return undefined
  const date = `${year}-${month}-${day}`
  if (hour === undefined) return { date }
  const time = `${date}T${hour}:${minute}:${second}`
  return zulu === 'Z' ? { dateTime: `${time}Z` } : compact({ dateTime: time, timezone: given?.parameters.get('TZID') })
}

function person(given: Property | undefined): JsonObject | undefined {
  if (given === undefined) return undefined
  return compact({
    email: given.value.replace(/^mailto:/i, '').slice(0, 320),
    name: unescaped(given.parameters.get('CN')),
    response: given.parameters.get('PARTSTAT')?.toLowerCase(),
  })
}
