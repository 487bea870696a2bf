import t from 'tap'
import type { FormSettings } from '../../../src/channels/form/settings.ts'
import { jsonPost, message, pagePost } from './form-posts.ts'

const names = (count: number, name: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => name(i))

t.test('a form of many fields, of which each stands for the same, is read in no time', async (t) => {
  const every = <Value>(count: number, name: (i: number) => string, value: Value): Record<string, Value> =>
    Object.fromEntries(names(count, name).map((one) => [one, value]))
  const posts: [FormSettings, ReturnType<typeof jsonPost>][] = [
    [{ kind: 'html' }, jsonPost(every(100_000, (i) => `phone ${i}`, 'x'))],
    [
      { kind: 'typeform' },
      jsonPost({
        form_response: {
          token: 't',
          answers: names(60_000, String).map((id) => ({ type: 'text', text: 'x', field: { id } })),
        },
      }),
    ],
    [
      { kind: 'tally' },
      jsonPost({
        data: {
          submissionId: 's',
          fields: names(60_000, (i) => `key${i}`).map((key) => ({ key, type: 'CHECKBOXES', value: ['x'] })),
        },
      }),
    ],
    [
      { kind: 'jotform' },
      pagePost({
        submissionID: '1',
        pretty: 'a:b, '.repeat(400_000),
        rawRequest: JSON.stringify(every(60_000, (i) => `q${i}_name`, 'not there')),
      }),
    ],
  ]
  for (const [settings, post] of posts) {
    const started = process.threadCpuUsage()
    const said = message(post, settings)
    const { user, system } = process.threadCpuUsage(started)
    t.ok((user + system) / 1000 < 2_000, `${settings.kind}: ${Math.round((user + system) / 1000)} ms of the processor`)
    t.equal(Array.isArray(said.message.content.answers) && said.message.content.answers.length, 1_000, settings.kind)
  }
})
