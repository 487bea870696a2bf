import t from 'tap'
import { fileLink } from '../../../src/resources/attachments/link-token.ts'
import { startTestService } from '../../harness/service.ts'
import { png, upload } from './fixtures.ts'

const service = await startTestService(t, { listen: true })
const path = (url: string): string => url.slice(service.config.publicUrl.length)
const link = async (id: string, token: string) => service.request('GET', `/v1/attachments/${id}/link`, { token })

t.test(
  'a link serves a file without a header, to be put into a page, and is audited as its owner’s read',
  async (t) => {
    const file = await upload(service, png, { fileName: 'a.png', type: 'image/png' })
    const made = await link(file.id, service.ownerToken)
    t.equal(made.status, 200)
    const life = Date.parse(made.string('expiresAt')) - Date.now()
    t.ok(life > 60_000 && life <= 300_000, 'minutes')
    const got = await fetch(`${service.url}${path(made.string('url'))}`)
    t.equal(got.status, 200)
    t.same(Buffer.from(await got.arrayBuffer()), png)
    t.equal(got.headers.get('content-type'), 'image/png')
    t.match(got.headers.get('content-disposition'), /^inline/)
    t.equal(got.headers.get('x-content-type-options'), 'nosniff')
    t.equal(got.headers.get('cache-control'), 'private, no-store')
    const [event] = await service.sql(
      'SELECT actor_kind, actor_id, action, outcome FROM audit.readable_event WHERE request_id = $1',
      [got.headers.get('request-id')],
    )
    t.match(event, { actor_kind: 'member', actor_id: service.ownerId, action: 'read', outcome: 'allowed' })
    const part = await fetch(`${service.url}${path(made.string('url'))}`, { headers: { range: 'bytes=0-3' } })
    t.equal(part.status, 206)
  },
)

t.test('what browsers do not show safely is saved', async (t) => {
  const file = await upload(service, Buffer.from('%PDF-1.7\nx'), { type: 'application/pdf' })
  const got = await fetch(`${service.url}${path((await link(file.id, service.ownerToken)).string('url'))}`)
  t.match(got.headers.get('content-disposition'), /^attachment/)
})

t.test(
  'a link opens nothing once its owner’s right, session or time is gone, or a byte of it is another',
  async (t) => {
    const file = await upload(service, png, { fileName: 'b.png', type: 'image/png' })
    const role = await service.role([{ resource: 'attachments', actions: ['read'], fields: { read: ['*'] } }])
    const member = await service.member(role)
    const made = await link(file.id, member.token)
    const at = path(made.string('url'))
    const get = (where: string) => service.request('GET', where, { token: null })
    t.equal((await get(at)).status, 200)
    const middle = Math.floor(at.length / 2)
    t.equal((await get(`${at.slice(0, middle)}${at[middle] === 'A' ? 'B' : 'A'}${at.slice(middle + 1)}`)).status, 404)
    const etag = (await service.request('GET', `/v1/roles/${role}`)).headers.etag ?? ''
    const revoked = await service.request('PATCH', `/v1/roles/${role}`, {
      body: { grants: [{ resource: 'tags', actions: ['read'], fields: { read: ['*'] } }] },
      headers: { 'if-match': etag },
    })
    t.equal(revoked.status, 200, revoked.text)
    t.equal((await get(at)).status, 404, 'a right that was taken away')
    const own = path((await link(file.id, service.ownerToken)).string('url'))
    t.equal((await get(own)).status, 200)
    const login = await service.login('owner@example.com')
    const ofSession = path((await link(file.id, login.token)).string('url'))
    t.equal((await get(ofSession)).status, 200)
    t.equal((await service.request('DELETE', '/v1/sessions/current', { token: login.token })).status, 204)
    t.equal((await get(ofSession)).status, 404, 'a session that has ended')
    const { db, config, tenantId } = service
    const over = fileLink(
      db.keyring,
      config.publicUrl,
      { attachmentId: file.id, holder: { message: { tenantId, region: 'default', messageId: file.id } } },
      -1,
    )
    t.equal((await get(path(over.url))).status, 404, 'a link that is over')
  },
)
