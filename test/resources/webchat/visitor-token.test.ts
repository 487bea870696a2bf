import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { Keyring } from '../../../src/privacy/keyring.ts'
import { after, readCursor, writeCursor } from '../../../src/resources/webchat/cursor.ts'
import { visitorOfToken, visitorToken } from '../../../src/resources/webchat/visitor-token.ts'

const keyring = new Keyring(randomBytes(32))
const channel = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'
const visitor = { id: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a12', userId: 'u', name: 'Anna', email: 'anna@example.com' }
const day = 86_400_000

t.test('a token opens for its channel, its secret and its time only, and tells nothing', async (t) => {
  const { token, expiresAt } = visitorToken(keyring, channel, 'secret', visitor, 0)
  t.equal(expiresAt.getTime(), 30 * day)
  t.strictSame(visitorOfToken(keyring, channel, 'secret', token, day), visitor)
  t.equal(visitorOfToken(keyring, channel, 'secret', token, 30 * day), null, 'it has expired')
  t.equal(visitorOfToken(keyring, channel, 'another', token, day), null, 'the secret has changed')
  t.equal(visitorOfToken(keyring, visitor.id, 'secret', token, day), null, 'another channel')
  t.equal(visitorOfToken(new Keyring(randomBytes(32)), channel, 'secret', token, day), null, 'another installation')
  t.notMatch(Buffer.from(token.slice(6), 'base64url').toString('latin1'), /Anna|example|"u"/)
})

t.test('no altered token opens', async (t) => {
  const { token } = visitorToken(keyring, channel, 'secret', visitor)
  let altered = 0
  for (let at = 0; at < token.length; at++)
    for (const letter of ['A', 'b', '_', '=', ' ', '.']) {
      if (token[at] === letter) continue
      altered++
      if (visitorOfToken(keyring, channel, 'secret', token.slice(0, at) + letter + token.slice(at + 1)) !== null)
        t.fail(`altered at ${at}`)
    }
  t.ok(altered > 500, `${altered} altered ones`)
  fc.assert(fc.property(fc.string(), (text) => visitorOfToken(keyring, channel, 'secret', `wcv1.${text}`) === null))
})

t.test('a cursor goes forward only, and what is none is refused', async (t) => {
  const cursor = after({ [channel]: 5 }, [
    { conversationId: channel, sequence: 3 },
    { conversationId: visitor.id, sequence: 1 },
  ])
  t.strictSame(readCursor(writeCursor(cursor)), { [channel]: 5, [visitor.id]: 1 })
  for (const text of [
    '',
    'x',
    Buffer.from('[]').toString('base64url'),
    Buffer.from('{"a":1}').toString('base64url'),
    Buffer.from(`{"${channel}":-1}`).toString('base64url'),
  ])
    t.throws(() => readCursor(text), { code: 'invalid_cursor' }, text)
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        readCursor(text)
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'invalid_cursor'
      }
      return true
    }),
  )
})
