import t from 'tap'
import { safeHtml } from '../../../src/channels/email/html.ts'
import { textOfHtml } from '../../../src/channels/email/html-text.ts'
import { multipart, neutral, part } from './fixtures.ts'

/** Tags that are opened and never closed, and what else made a parser look back. */
const hostile = [
  '<a href="',
  '<a href=x ',
  '<',
  '<!--',
  '<li> ',
  '<script>',
  '</script',
  '<body>',
  '<table><tr><td>',
  '<b>',
  '<svg>',
  '&#x',
  '\f\n',
]

const LENGTH = 600_000

async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

t.test('whatever an HTML holds, its text and what may be shown of it take little time', async (t) => {
  await Promise.all([textOfHtml('<p>warm'), safeHtml('<p>warm')])
  for (const one of hostile) {
    const html = one.repeat(LENGTH / one.length)
    t.ok((await cpuMs(() => textOfHtml(html))) < 1500, `text of ${JSON.stringify(one)}`)
    t.ok((await cpuMs(() => textOfHtml(`${html}>`))) < 1500, `text of ${JSON.stringify(one)}, closed`)
    t.ok((await cpuMs(() => safeHtml(html))) < 1500, `HTML of ${JSON.stringify(one)}`)
  }
})

t.test('neither do mails, alone or beside a plain part', async (t) => {
  const html = part('Content-Type: text/html', '<a href="\r\n'.repeat(30_000))
  const plain = part('Content-Type: text/plain', 'Hello')
  await neutral(multipart('mixed', [plain]))
  for (const parts of [[html], [plain, html]])
    t.ok((await cpuMs(() => neutral(multipart('mixed', parts)))) < 1500, `${parts.length} parts`)
})

t.test('the text of an HTML has its lines, its links and its lists', async (t) => {
  const html = `<!doctype html><html><head><title>No</title><style>p {}</style></head><body><!-- no -->
<p>Gr&uuml;&szlig;e,<br>see <a class="x" href="https://example.org/?a=1&amp;b=2">this</a> &lt;now&gt;</p>
<script>if (a < b) alert('<p>')</script><ul><li> One</li><li><b>Two</b></li></ul></body></html>`
  const text = await textOfHtml(html)
  t.equal(text.replaceAll(/\s*\n\s*/g, '\n'), 'Grüße,\nsee (https://example.org/?a=1&b=2) this <now>\n* One * Two')
  t.equal(await textOfHtml('1 < 2'), '1 < 2')
  t.equal(await textOfHtml('<p>A</p><!-- never closed <b>B'), 'A\n\n B')
})

t.test(
  'nothing is laid over what stands around a mail, and no link leads into the program that shows it',
  async (t) => {
    const shown = async (html: string): Promise<string> => (await safeHtml(html)) ?? ''
    for (const style of [
      'margin:-400px',
      'margin:0 -9px',
      'width:99999px',
      'width:9999em',
      'padding:5000px',
      'width:900%',
    ])
      t.equal(await shown(`<p style="${style}">x</p>`), '<p>x</p>', style)
    for (const style of ['margin:0 auto 1.5em 10px', 'width:600px', 'width:100%', 'font-size:.9em', 'line-height:150%'])
      t.equal(await shown(`<p style="${style}">x</p>`), `<p style="${style}">x</p>`, style)
    t.equal(await shown('<table width="99999" height="-1" border="1"></table>'), '<table border="1"></table>')
    for (const href of ['/v1/logout', 'logout', '#top', '?x', '//evil.example', 'javascript:x', 'ftp://x', 'data:x'])
      t.notMatch(await shown(`<a href="${href}">x</a>`), /href/, href)
    for (const href of ['https://example.org/x', 'HTTP://example.org', 'mailto:a@example.org', 'tel:+41'])
      t.match(await shown(`<a href="${href}">x</a>`), `href="${href}"`)
  },
)
