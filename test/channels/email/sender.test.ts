import t from 'tap'
import { emailAddress, firstAddress } from '../../../src/channels/email/address.ts'
import { postOf } from '../post.ts'
import {
  eventsOf,
  formPost,
  mail,
  mailbox,
  mailgunSigned,
  message,
  neutral,
  parsed,
  secret,
  settingsOf,
  understood,
} from './fixtures.ts'

const from = 'Shop Form <noreply@shopform.example>'
const personOf = async (fields: Record<string, string | undefined>): Promise<string | undefined> =>
  (await message(mail(fields))).from.email

t.test('who is named in Reply-To is the person, unless it is nobody else', async (t) => {
  const cases: [string, Record<string, string>, string][] = [
    ['somebody else', { 'Reply-To': 'anna@example.org' }, 'anna@example.org'],
    ['the same twice', { 'Reply-To': 'anna@example.org, Anna <ANNA@example.org>' }, 'anna@example.org'],
    ['two people', { 'Reply-To': 'anna@example.org, bert@example.org' }, 'noreply@shopform.example'],
    ['no address', { 'Reply-To': 'undisclosed' }, 'noreply@shopform.example'],
    ['an empty group', { 'Reply-To': 'nobody:;' }, 'noreply@shopform.example'],
    ['the mailbox', { 'Reply-To': mailbox.toUpperCase() }, 'noreply@shopform.example'],
    ['a word of the mailbox', { 'Reply-To': 'support+m-1@example.com' }, 'noreply@shopform.example'],
    ['a word of the sender', { 'Reply-To': 'noreply+m-1@shopform.example' }, 'noreply@shopform.example'],
    [
      'the list, by List-Post',
      { 'Reply-To': 'list@lists.example', 'List-Post': '<mailto:List@lists.example?subject=x>' },
      'noreply@shopform.example',
    ],
    [
      'the list, by List-Id',
      { 'Reply-To': 'list@lists.example', 'List-Id': 'The list <list.lists.example>' },
      'noreply@shopform.example',
    ],
    [
      'whoever wrote to a list',
      { 'Reply-To': 'anna@example.org', 'List-Id': 'The list <list.lists.example>' },
      'anna@example.org',
    ],
    ['in quotes', { 'Reply-To': '"john doe"@example.org' }, '"john doe"@example.org'],
  ]
  for (const [name, fields, wanted] of cases) t.equal(await personOf({ From: from, ...fields }), wanted, name)
  t.strictSame(await parsed(mail({ From: mailbox, 'Reply-To': 'anna@example.org' })), {
    outcome: 'ignored',
    reason: 'own_address',
  })
})

t.test('of From and Reply-To only From is vouched for, and it stays in the content', async (t) => {
  const trusting = settingsOf({ kind: 'raw', secret, authservId: 'mx.example.com' })
  const results = { 'Authentication-Results': 'mx.example.com; dmarc=pass header.from=shopform.example' }
  const direct = await message(mail({ From: from, ...results }), trusting)
  t.match(direct.from.identities, [{ value: 'noreply@shopform.example', verified: true }])
  t.notOk('from' in direct.message.content)
  const form = await message(mail({ From: from, 'Reply-To': 'anna@shopform.example', ...results }), trusting)
  t.strictSame(form.from, {
    identities: [{ kind: 'email', value: 'anna@shopform.example', verified: false }],
    email: 'anna@shopform.example',
    displayName: 'Shop Form',
  })
  t.strictSame(form.message.content.from, { address: 'noreply@shopform.example', name: 'Shop Form' })
  const wish = mail(
    {
      From: from,
      'Reply-To': 'anna@example.org',
      To: 'support+u-0199aaaabbbb7ccc8ddd000011112222@example.com',
    },
    'unsubscribe',
  )
  t.match(await neutral(wish), [{ type: 'preference', from: { email: 'noreply@shopform.example' } }], 'it went there')
})

t.test('without a usable From it is Reply-To, then Sender, then Return-Path, then nobody', async (t) => {
  const all = {
    From: undefined,
    'Return-Path': '<back@example.org>',
    Sender: 'Sec <sender@example.org>',
    'Reply-To': 'Anna <anna@example.org>',
  }
  t.match((await message(mail(all))).from, { email: 'anna@example.org', displayName: 'Anna' })
  t.equal(await personOf({ ...all, From: 'undisclosed' }), 'anna@example.org')
  t.equal(await personOf({ ...all, 'Reply-To': mailbox }), 'sender@example.org')
  t.equal(await personOf({ ...all, 'Reply-To': undefined }), 'sender@example.org')
  t.equal(await personOf({ ...all, 'Reply-To': undefined, Sender: 'nobody' }), 'back@example.org')
  for (const written of [undefined, '', 'undisclosed', 'a b c @@', '<>'])
    t.strictSame(await parsed(mail({ From: written })), { outcome: 'failed', reason: 'no_sender' }, String(written))
  t.strictSame(await parsed(mail({ From: undefined, 'Return-Path': `<${mailbox}>` })), {
    outcome: 'ignored',
    reason: 'own_address',
  })
})

t.test('a local part may be in quotes', async (t) => {
  const addresses: [string, string | undefined][] = [
    ['"john doe"@x.example', '"john doe"@x.example'],
    ['"John.Doe"@x.example', 'john.doe@x.example'],
    ['"a@b"@x.example', '"a@b"@x.example'],
    ['"a\\"b"@x.example', '"a\\"b"@x.example'],
    ['"a\\b c"@x.example', '"ab c"@x.example'],
    ['""@x.example', undefined],
    ['"a\nb"@x.example', undefined],
    ['"<a>"@x.example', undefined],
    ['"a"b"@x.example', undefined],
  ]
  for (const [written, wanted] of addresses) {
    t.equal(emailAddress(written), wanted, written)
    if (wanted === undefined) continue
    t.equal(emailAddress(wanted), wanted, 'as it is kept it is the same')
    t.equal(firstAddress(`John <${written}>`), wanted)
    t.equal(await personOf({ From: written }), wanted)
    t.equal(await personOf({ From: `John <${written}>` }), wanted)
  }
})

t.test('services that take mail apart tell of Reply-To as well', async (t) => {
  const postmark = (ReplyTo: string) =>
    postOf(
      JSON.stringify({ FromFull: { Email: 'noreply@shopform.example', Name: 'Shop Form' }, ReplyTo, TextBody: 'x' }),
    )
  const mailgun = (replyTo: string) =>
    formPost({
      ...mailgunSigned('reply-to'),
      sender: 'bounce@shopform.example',
      'body-plain': 'x',
      'message-headers': JSON.stringify([
        ['From', from],
        ['Reply-To', replyTo],
      ]),
    })
  for (const [kind, post] of [
    ['postmark', postmark],
    ['mailgun', mailgun],
  ] as const)
    for (const [replyTo, email, displayName] of [
      ['Anna <anna@example.org>', 'anna@example.org', 'Anna'],
      ['anna@example.org, bert@example.org', 'noreply@shopform.example', 'Shop Form'],
    ] as const) {
      const [event] = eventsOf(post(replyTo), settingsOf({ kind, secret }))
      t.match(event && (await understood(event)), { events: [{ from: { email, displayName } }] }, `${kind} ${replyTo}`)
    }
})
