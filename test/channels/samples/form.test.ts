import t from 'tap'
import { form } from '../../../src/channels/form/index.ts'
import { parseForm } from '../../../src/channels/form/parse.ts'
import { keptBuffer } from '../../../src/channels/kept-blob.ts'
import { formSample } from '../form/sample.ts'
import { sameTable, sampleFiles, skip } from './table.ts'

t.test('every real form post verifies, splits and is understood', { skip }, async (t) => {
  const files = sampleFiles('forms')
  t.ok(files.length > 20, `${files.length} files`)
  const lines: string[] = []
  for (const file of files) {
    const { name } = file
    const { post, settings } = formSample(file)
    t.strictSame(form.verify(post, settings), { ok: true }, name)
    const altered = { ...post, rawBody: Buffer.concat([post.rawBody, Buffer.from(' ')]) }
    if (settings.signingSecret) t.strictSame(form.verify(altered, settings), { ok: false, reason: 'signature_invalid' })
    const split = form.split(post, settings)
    if ('malformed' in split) throw new Error(`${name}: ${split.malformed}`)
    t.equal(split.events.length, 1, name)
    for (const event of split.events) {
      const parsed = parseForm(event, { settings })
      t.not(parsed.outcome, 'failed', name)
      if (parsed.outcome !== 'events') {
        lines.push(`${name} | ${event.kind} | ${parsed.outcome}: ${parsed.reason}`)
        continue
      }
      for (const one of parsed.events) {
        if (one.type !== 'message') throw new Error(one.type)
        const answers = Array.isArray(one.message.content.answers) ? one.message.content.answers.length : 0
        const people = one.from.identities
          .map(({ kind, verified }) => `${kind}${verified ? '' : ' (claim)'}`)
          .join(', ')
        lines.push(
          `${name} | ${event.kind} | message ${one.message.type}: ${answers} answers, ${one.media.length} files, from ${people}`,
        )
        for (const ref of one.media) {
          if (ref.part === undefined) continue
          const file = await form.mediaPart?.(
            { ...event, ...(event.blob ? { kept: keptBuffer(event.blob) } : {}) },
            ref,
          )
          t.ok(file && file.sizeBytes === ref.sizeBytes, `${name}: the bytes of ${ref.part}`)
        }
      }
    }
  }
  sameTable(t, 'form', lines)
})
