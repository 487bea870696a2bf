import t from 'tap'
import { ownMessageId } from '../../../src/channels/email/token.ts'
import { mail, mailbox, multipart, neutral, parsed, part } from './fixtures.ts'

const id = '0199aaaa-bbbb-7ccc-8ddd-000011112222'
const ours = ownMessageId(id, mailbox)

const dsn = (blocks: string, fields: Record<string, string> = {}): string =>
  multipart(
    'report; report-type=delivery-status',
    [
      part('Content-Type: text/plain', 'It could not be delivered.'),
      part('Content-Type: message/delivery-status', `Reporting-MTA: dns; mx.example.org\r\n\r\n${blocks}`),
      part('Content-Type: message/rfc822', mail({ 'Message-ID': `<${ours}>`, From: mailbox })),
    ],
    {
      From: 'Mail Delivery <mailer-daemon@example.org>',
      'Auto-Submitted': 'auto-replied',
      'Return-Path': '<>',
      ...fields,
    },
  )

t.test('a bounce names the address, the reason and our own message, and is no message', async (t) => {
  const block =
    'Final-Recipient: rfc822; Nobody@Example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user'
  t.match(await neutral(dsn(block)), [
    {
      type: 'bounce',
      address: { kind: 'email', value: 'nobody@example.org' },
      isPermanent: true,
      code: '5.1.1',
      text: '550 5.1.1 no such user',
      externalId: ours,
      messageId: id,
    },
  ])
})

t.test('several recipients, each with their own fate; delays are no failures', async (t) => {
  const blocks = [
    'Final-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 4.4.7',
    'Final-Recipient: rfc822; b@example.org\r\nAction: delivered\r\nStatus: 2.0.0',
    'Final-Recipient: rfc822; c@example.org\r\nAction: delayed\r\nStatus: 4.0.0',
  ]
  t.match(await neutral(dsn(blocks.join('\r\n\r\n'))), [
    { type: 'bounce', address: { value: 'a@example.org' }, isPermanent: false, code: '4.4.7' },
    { type: 'status', status: 'delivered', externalId: ours, messageId: id },
  ])
  t.strictSame(await parsed(dsn(blocks[2] ?? '')), { outcome: 'ignored', reason: 'delivery_delayed' })
})

t.test('a report about a mail that was not ours condemns no address', async (t) => {
  const block = 'Final-Recipient: rfc822; victim@example.org\r\nAction: failed\r\nStatus: 5.1.1'
  const forged = dsn(block).replace(`Message-ID: <${ours}>`, 'Message-ID: <made-up@example.net>')
  t.match(await neutral(forged), [{ type: 'bounce', isPermanent: false, externalId: 'made-up@example.net' }])
})

t.test('Exim names the failed recipients in the header', async (t) => {
  const raw = mail({ From: 'mailer-daemon@example.org', 'X-Failed-Recipients': 'a@example.org, b@example.org' })
  t.match(await neutral(raw), [
    { type: 'bounce', address: { value: 'a@example.org' } },
    { address: { value: 'b@example.org' } },
  ])
})

t.test('a complaint stops marketing, a receipt says that a mail was read', async (t) => {
  const arf = multipart('report; report-type=feedback-report', [
    part('Content-Type: text/plain', 'A complaint.'),
    part('Content-Type: message/feedback-report', 'Feedback-Type: abuse\r\nOriginal-Rcpt-To: ada@example.org'),
    part('Content-Type: message/rfc822', mail({ 'Message-ID': `<${ours}>` })),
  ])
  t.match(await neutral(arf), [
    {
      ...{ type: 'preference', category: 'marketing', state: 'stop', messageId: id, externalId: ours },
      from: { identities: [{ value: 'ada@example.org', verified: false }] },
    },
  ])
  const forged = await neutral(arf.replace(`<${ours}>`, '<made-up@example.net>'))
  t.notOk(
    forged.some(({ type }) => type === 'preference'),
    'one that has seen no mail of ours stops nothing',
  )
  const mdn = multipart('report; report-type=disposition-notification', [
    part('Content-Type: text/plain', 'It was read.'),
    part(
      'Content-Type: message/disposition-notification',
      `Final-Recipient: rfc822; ada@example.org\r\nOriginal-Message-ID: <${ours}>\r\nDisposition: manual-action/MDN-sent-manually; displayed`,
    ),
  ])
  t.match(await neutral(mdn), [{ type: 'status', status: 'read', messageId: id }])
})

t.test('a report that says nothing is shown, and answered by nobody', async (t) => {
  t.match(await neutral(mail({ From: 'postmaster@example.org', 'Return-Path': '<>' }, 'Your mailbox is full')), [
    { type: 'message', automated: 'report' },
  ])
})
