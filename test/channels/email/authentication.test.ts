import t from 'tap'
import { authenticationResults } from '../../../src/channels/email/authentication.ts'
import { fieldsOfPairs } from '../../../src/channels/email/header-block.ts'
import { postOf } from '../post.ts'
import { eventsOf, settingsOf } from './fixtures.ts'

const checks = (value: string) =>
  authenticationResults(fieldsOfPairs([['Authentication-Results', value]]), 'mx.example.com', 'ceo@victim.com')

t.test('what a sender writes within quotes or comments is no result and no property', (t) => {
  const forged = '"a;dmarc=pass header.from=victim.com;"@evil.com'
  const results = `mx.example.com; spf=pass smtp.mailfrom=${forged}; dmarc=fail header.from=victim.com`
  t.strictSame(checks(results), { spf: 'evil.com' })
  for (const value of [
    'mx.example.com; spf=fail smtp.mailfrom="x\\"; dmarc=pass header.from=victim.com;"@evil.com',
    'mx.example.com; spf=fail (a (b) ; dmarc=pass header.from=victim.com ;)',
    'mx.example.com; spf=fail (\\) ; dmarc=pass header.from=victim.com ;)',
    'mx.example.com; spf=fail "; dmarc=pass header.from=victim.com',
    'mx.example.com; dmarc=pass reason="x header.from=victim.com" header.from=evil.com',
    'mx.example.com; dmarc=pass',
    'mx.example.com (; dmarc=pass header.from=victim.com',
  ])
    t.notOk(checks(value).dmarc, value)
  t.end()
})

t.test('comments, spaces and quotes may stand where RFC 8601 lets them', (t) => {
  for (const value of [
    'mx.example.com; dmarc=pass header.from=victim.com',
    'mx.example.com 1 (v (x)); dmarc = pass (p=none; sp="x") header.from = "victim.com"',
    'MX.example.com;\tspf=none smtp.mailfrom="a;b"@x.example; dmarc=pass reason="ok; really" header.from=Victim.com;',
  ])
    t.equal(checks(value).dmarc, true, value)
  t.end()
})

t.test('what Mailgun tells is known by what it signed, not by an id that anybody may write', (t) => {
  const settings = settingsOf({ kind: 'mailgun', secret: 'a-signing-key' })
  const key = (token: string, id: string): unknown => {
    const body = { signature: { timestamp: '1', token, signature: 'x' }, 'event-data': { id, event: 'delivered' } }
    return eventsOf(postOf(JSON.stringify(body)), settings)[0]?.dedupeKey
  }
  t.not(key('one', 'same'), key('two', 'same'))
  t.equal(key('one', 'a'), key('one', 'b'))
  t.end()
})
