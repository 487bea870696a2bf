import t from 'tap'
import type { ChannelType } from '../../../src/channels/channel.ts'
import { instagram } from '../../../src/channels/instagram/index.ts'
import { messenger } from '../../../src/channels/messenger/index.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { instagramSettings, settings, signature } from '../messenger/fixtures.ts'
import { postOf } from '../post.ts'
import { settings as whatsappSettings } from '../whatsapp/fixtures.ts'

function sameForAll<Settings extends { appSecret: string; verifyToken: string }>(
  channel: ChannelType<Settings>,
  of: Settings,
  account: string,
): void {
  t.test(`${channel.type}: signed by the app, over the bytes on the wire`, async (t) => {
    const body = Buffer.from('{"text":"\\u00fc \\ud83c\\udf37"}')
    const verify = (bytes: Buffer, header?: string, name = 'x-hub-signature-256') =>
      channel.verify(postOf(bytes, header === undefined ? {} : { [name]: header }), of)
    const right = signature(body, of.appSecret)
    t.strictSame(verify(body, right), { ok: true })
    t.strictSame(verify(body, right, 'X-Hub-Signature-256'), { ok: true })
    for (const none of [undefined, '']) t.strictSame(verify(body, none), { ok: false, reason: 'signature_missing' })
    const forged = [
      signature(body, 'another-secret'),
      signature(Buffer.from(JSON.stringify(JSON.parse(body.toString()))), of.appSecret),
      right.slice(0, 40),
      right.slice(7),
      `${right}00`,
      `${right}, ${right}`,
      right.replace('sha256', 'sha1'),
      'sha256=',
      'sha256=é',
    ]
    for (const header of forged) t.strictSame(verify(body, header), { ok: false, reason: 'signature_invalid' }, header)
  })

  t.test(`${channel.type}: the challenge comes back as text, for the right token only`, async (t) => {
    const ask = (query: Record<string, string | undefined>) =>
      channel.handshake?.(
        { 'hub.mode': 'subscribe', 'hub.verify_token': of.verifyToken, 'hub.challenge': '<1158>', ...query },
        of,
      )
    t.strictSame(ask({}), { status: 200, contentType: 'text/plain; charset=utf-8', body: '<1158>' })
    const refused = [
      { 'hub.verify_token': 'wrong' },
      { 'hub.verify_token': undefined },
      { 'hub.verify_token': '' },
      { 'hub.mode': undefined },
    ]
    for (const query of refused) {
      t.equal(ask(query)?.status, 403)
      t.notMatch(ask(query)?.body ?? '', '1158')
    }
    t.equal(ask({ 'hub.challenge': undefined })?.status, 400)
  })

  t.test(`${channel.type}: settings are strict, their secrets named, and routing goes by the account`, async (t) => {
    t.strictSame(channel.settings.parse(of), of)
    t.equal(channel.settings.safeParse({ ...of, extra: 1 }).success, false)
    t.equal(channel.settings.safeParse({ ...of, apiBaseUrl: 'file:///etc' }).success, false)
    t.equal(channel.settings.safeParse({ ...of, verifyToken: '' }).success, false)
    t.strictSame(channel.secrets, ['appSecret', 'verifyToken', 'accessToken'])
    t.equal(channel.account(of), account)
    t.equal(channel.appSecret(of), of.appSecret)
  })
}

sameForAll(whatsapp, whatsappSettings, whatsappSettings.phoneNumberId)
sameForAll(messenger, settings, settings.pageId)
sameForAll(instagram, instagramSettings, instagramSettings.accountId)

t.test('an id in settings is an id, not a path; the WABA is the larger account', async (t) => {
  t.equal(whatsapp.settings.safeParse({ ...whatsappSettings, phoneNumberId: '../me' }).success, false)
  t.equal(whatsapp.scope?.(whatsappSettings), '800000000000001')
})
