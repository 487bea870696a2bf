import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { Answer, startTestService } from '../../harness/service.ts'

const megabyte = 1024 * 1024
const size = 200 * megabyte

t.test('200 MB go in and out in less memory than they are', async (t) => {
  const service = await startTestService(t, { listen: true, env: { ATTACHMENT_MAX_BYTES: String(size) } })
  const authorization = `Bearer ${service.ownerToken}`
  // One piece for all, so that this test holds nothing itself.
  const piece = Buffer.alloc(megabyte, 'x')
  const hash = createHash('sha256')
  for (let i = 0; i < size / megabyte; i++) hash.update(piece)
  const expected = hash.digest('hex')

  let peak = 0
  const before = process.memoryUsage().rss
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 5)
  const made = await new Promise<Answer>((resolve, reject) => {
    const request = httpRequest(`${service.url}/v1/attachments`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'multipart/form-data; boundary=frontier' },
    })
    request.on('error', reject)
    request.on('response', async (response) => {
      let text = ''
      for await (const bytes of response) text += bytes
      resolve(new Answer(response.statusCode ?? 0, {}, text))
    })
    const send = async (): Promise<void> => {
      request.write('--frontier\r\nContent-Disposition: form-data; name="file"; filename="long.txt"\r\n\r\n')
      for (let i = 0; i < size / megabyte; i++)
        if (!request.write(piece)) await new Promise((resume) => request.once('drain', resume))
      request.end('\r\n--frontier--\r\n')
    }
    void send()
  })
  t.equal(made.status, 201, made.text)
  t.equal(made.body.size, size)

  const response = await fetch(`${service.url}/v1/attachments/${made.id}/content`, { headers: { authorization } })
  const seen = createHash('sha256')
  for await (const bytes of response.body ?? []) seen.update(bytes)
  clearInterval(timer)
  t.equal(seen.digest('hex'), expected)
  const grown = Math.round((peak - before) / megabyte)
  t.comment(`${grown} MB more at the peak`)
  // V8 lets some 64 MB of dead buffers lie before it looks for them.
  t.ok(grown < 150, `${grown} MB`)
})
