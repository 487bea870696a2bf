import t from 'tap'
import { formSample } from '../../channels/form/sample.ts'
import { sampleFiles, skip } from '../../channels/samples/table.ts'
import { altered, type SamplePost, takeIn } from './intake.ts'

/** What a client sends by itself, or says of its own connection. */
const own = new Set(['host', 'connection', 'content-length', 'keep-alive', 'accept-encoding'])

t.test('what became of every real form, over HTTP', { skip }, async (t) => {
  const posts = sampleFiles('forms').map((file): SamplePost => {
    const { post, settings } = formSample(file)
    const headers = Object.fromEntries(Object.entries(post.headers).filter(([name]) => !own.has(name.toLowerCase())))
    const body = post.rawBody
    return {
      name: file.name,
      type: 'form',
      settings,
      post: { body, headers },
      // A page signs nothing: whoever sees it can post to it.
      forged:
        settings.kind === 'html'
          ? []
          : [altered({ body, headers }), { body, headers: { 'content-type': 'application/json' } }],
    }
  })
  await takeIn(t, 'form', posts)
})
