import { createHash } from 'node:crypto'
import type { ReportHead } from './batch.ts'
import type { ReportEvent, ReportPrincipal } from './schema.ts'

const style = `
:root { color-scheme: light; }
body { font: 11pt/1.45 Georgia, 'Times New Roman', serif; color: #1a1a1a; background: #fff; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 20pt; margin: 0 0 .2rem; } h2 { font-size: 14pt; margin: 2rem 0 .4rem; } h3 { font-size: 11.5pt; margin: 1.2rem 0 .2rem; }
p, ul { margin: .3rem 0; } .small, td, th { font-size: 9.5pt; } .quiet { color: #555; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .25rem .5rem .25rem 0; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
th { font-weight: bold; } section { break-inside: avoid; }
.proof { font: 6.5pt/1.25 ui-monospace, Menlo, Consolas, monospace; color: #555; overflow-wrap: anywhere; }
.id { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 8.5pt; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 8pt; }
@page { margin: 18mm; }
@media print { body { max-width: none; margin: 0; padding: 0; font-size: 10pt; } thead { display: table-header-group; } tr { break-inside: avoid; } }
`
const styleHash = createHash('sha256').update(style).digest('base64')

/** Nothing runs, nothing is fetched, nobody frames it: all that it needs stands in it. */
export const htmlHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'content-disposition': 'inline; filename="who-saw-your-data.html"',
} as const

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
/** Text for the page, wherever it comes from. */
export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? '')

/** Text that is part of the page already. */
class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Piece = Html | string | number | readonly (Html | string)[]

/** A template whose values are escaped, unless they are parts of the page themselves. */
function html(strings: TemplateStringsArray, ...values: readonly Piece[]): Html {
  const piece = (value: Piece): string => {
    if (value instanceof Html) return value.text
    return typeof value === 'object' ? value.map(piece).join('') : escaped(String(value))
  }
  return new Html(strings.reduce((text, part, i) => text + piece(values[i - 1] ?? '') + part))
}

const moment = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`

/** "followUpStatus" as people write it. */
const words = (name: string): string =>
  name
    .replace(/^customFields\./, '')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .replace(/ Id(s?)$/, (_, many: string) => (many ? ' ids' : ''))
    .toLowerCase()

const kinds: Readonly<Record<string, string>> = {
  member: 'Employee',
  apiKey: 'Program with a key',
  connector: 'Connected program',
  system: 'The service itself',
  anonymous: 'Somebody not logged in',
}

const nameOf = ({ kind, id, name }: ReportPrincipal): string => {
  const what = kinds[kind] ?? kind
  if (name !== undefined) return `${name} (${what.toLowerCase()})`
  return id === null ? what : `${what} ${id}`
}

const onBehalf = (member: ReportPrincipal | undefined): string => (member ? `, for ${nameOf(member)}` : '')

/** What each kind of record is to the person whom it is about. */
const nouns: Readonly<Record<string, string>> = {
  contacts: 'Your record',
  identities: 'Your addresses',
  conversations: 'Your conversations',
  messages: 'Your messages',
  notes: 'Notes about you',
  attachments: 'Your files',
  'consent-events': 'What you said about being contacted',
  'inbound-events': 'What came in from you',
}

/** What counts and stamps a record tells a person nothing. */
const technical: ReadonlySet<string> = new Set(['id', 'version', 'createdAt', 'updatedAt'])

const fields = (names: Readonly<Record<string, readonly string[]>>): string =>
  Object.entries(names)
    .map(([resource, list]) => {
      const told = list.filter((name) => !technical.has(name)).map(words)
      return `${nouns[resource] ?? words(resource)}${told.length > 0 ? `: ${told.join(', ')}` : ''}`
    })
    .join('; ')

const actions: Readonly<Record<string, string>> = {
  create: 'made',
  read: 'read',
  update: 'changed',
  delete: 'put into the trash',
  restore: 'taken out of the trash',
  reveal: 'shown in clear, once, with a reason',
  export: 'exported',
  import: 'took in',
  send: 'sent',
  assign: 'assigned',
  erase: 'erased',
}
const done = (action: string): string => actions[action] ?? action

/**
 * The report as a page that the person can read by themselves: what comes before the single events.
 * @param count how many of them the page has
 */
export function htmlHead(report: ReportHead, count: number): string {
  const { contactId, erased, from, to, generatedAt, summary, principals } = report
  const time =
    from === null && to === null
      ? 'since the beginning of the record'
      : `from ${from === null ? 'the beginning' : moment(from)} to ${to === null ? 'now' : moment(to)}`
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>Who saw your data</title><style>${new Html(style)}</style></head><body>
<header><h1>Who saw your data</h1>
<p class="quiet">About the person kept as <span class="id">${contactId}</span>, ${time}. Made on ${moment(generatedAt)}.</p></header>
${erased ? html`<p><strong>Your data was erased.</strong> What is left is this list of who had seen it before; the values themselves can no longer be read by anybody.</p>` : ''}
<section><h2>In short</h2><ul>
<li>${summary.principals} ${summary.principals === 1 ? 'person or program' : 'persons or programs'} saw some of your data, ${summary.times} ${summary.times === 1 ? 'time' : 'times'} in all.</li>
<li>${summary.refused} ${summary.refused === 1 ? 'attempt was' : 'attempts were'} refused; nothing was shown then.</li></ul>
<p class="small quiet">“Hidden in part” means that a value was shown only so far that it can be recognised, such as +49•••••••34. A list that showed several people at once names a kind of data when it was shown for at least one of them.</p></section>
<h2>Who</h2>
${principals.map(
  (one) => html`<section><h3>${nameOf(one.principal)}${onBehalf(one.onBehalfOf)}</h3>
<table><thead><tr><th>Why</th><th>What was seen</th><th>Hidden in part</th><th>How often</th><th>When</th></tr></thead><tbody>
${one.purposes.map(
  (
    use,
  ) => html`<tr><td>${use.purpose ?? 'not said'}</td><td>${fields(use.shown) || '—'}</td><td>${fields(use.masked) || '—'}</td>
<td>${use.times} seen${Object.entries(use.actions).map(([action, count]) => html`<br>${done(action)}: ${count}`)}${use.refused > 0 ? html`<br>refused: ${use.refused}` : ''}</td>
<td>${moment(use.firstAt)}<br>to ${moment(use.lastAt)}</td></tr>`,
)}</tbody></table></section>`,
)}
<h2>Each time</h2>
<p class="small quiet">${count} of ${summary.events}, the newest first.${count < summary.events ? ' The others are on further pages.' : ''} The last column is the place in a log that cannot be changed afterwards without it being noticed.</p>
<table><thead><tr><th>When</th><th>Who</th><th>What</th><th>Data</th><th>Why</th><th>Place</th></tr></thead><tbody>`
  return page.text
}

/** What comes behind them. */
export const htmlEnd = ({ checkpoint, endorsements }: ReportHead): string =>
  html`</tbody></table>
<section><h2>How this can be checked</h2>
<p class="small">Every line above is an event of an append-only log. Its events are sealed in a Merkle tree (RFC 6962), whose root is signed; the place of an event and the signed root prove that it stands in the log as it was written. Below an event stands its proof: the hash of the event as it was sealed, and the hashes on the way from there to the root. The second line of the note below is the size of the tree, the third its root. Whoever gave you this page can give you the same as a file, what each event says word for word, and a program that checks both, which needs nothing but the public key.</p>
${checkpoint === null ? '' : html`<pre>${checkpoint}</pre>`}${endorsements.length === 0 ? '' : html`<p class="small">The keys that sign, each vouched for by the one before:</p><pre>${endorsements.join('\n')}</pre>`}</section>
</body></html>
`.text

/** Single events. */
export const htmlRows = (events: readonly ReportEvent[]): string => events.map((event) => row(event).text).join('')

function row(event: ReportEvent): Html {
  const { occurredAt, principal, onBehalfOf, action, outcome, shown, masked, purpose, sealed, eventId } = event
  const seen = [fields(shown), fields(masked) && `hidden in part: ${fields(masked)}`].filter(Boolean).join('; ')
  return html`<tr><td>${moment(occurredAt)}</td><td>${nameOf(principal)}${onBehalf(onBehalfOf)}</td>
<td>${outcome === 'denied' ? 'refused' : done(action)}</td><td>${seen || '—'}</td><td>${purpose ?? '—'}</td>
<td>${sealed ? `no. ${sealed.leafIndex}` : 'not sealed yet'}<br><span class="id">${eventId}</span></td></tr>
${sealed?.proof ? html`<tr><td colspan="6" class="proof">Proof of no. ${sealed.leafIndex}: ${sealed.leafHash ?? ''}; ${sealed.proof.join(' ')}</td></tr>` : ''}`
}
