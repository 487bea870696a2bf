import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ExportedEvent, ExportLines } from '../../audit/export-lines.ts'
import type { Caller, JsonRow } from '../../db/database.ts'
import { present, viewOf } from '../../db/view.ts'
import { brokenOff } from '../../http/broken-off.ts'
import { contentDisposition } from '../../http/content-disposition.ts'
import { callerOf } from '../../http/guard.ts'
import { listParameters } from '../../http/list-parameters.ts'
import { operation } from '../../http/operation.ts'
import { listQuery } from '../../http/query.ts'
import type { Deps } from '../../http/records.ts'
import { described, documentationOf } from '../../http/schema.ts'
import { eventParameters, eventQuestion } from '../audit-events/question.ts'
import { auditEvents } from '../audit-events/schema.ts'
import { type Batch, batchPlan } from './export-plan.ts'
import { endorsements, notSealed } from './proofs.ts'
import { leavesOf } from './sealed-part.ts'
import { checkpointRow, storedRanges } from './tree-parts.ts'

const entry = { action: 'export', resource: 'audit-events' } as const

/** As the list has them, without the parameters of a page. */
const parameters = described(
  () => {
    const ofList = documentationOf(listParameters(auditEvents, [], false, eventParameters))
    if (!(ofList instanceof z.ZodObject)) throw new Error('a list documents an object')
    return ofList.omit({ limit: true, cursor: true, sort: true })
  },
  z.looseObject({
    ...eventParameters,
    limit: z.never().optional(),
    cursor: z.never().optional(),
    sort: z.never().optional(),
  }),
)

/** Whole stretches of the log need few hashes; between scattered events lie many, and they take time to compute. */
const batchSizes = { whole: 500, scattered: 100 }
/** The socket's own limit ends one that stands still; this one only bounds all of it. */
const exportTimeoutMs = 24 * 3_600_000

const row = z.looseObject({ id: z.uuid(), _index: z.int(), _hash: z.string() })

export function exportRoute(app: FastifyInstance, deps: Deps): void {
  app.get('/v1/audit-events/export', {
    config: { access: entry },
    handlerTimeout: exportTimeoutMs,
    schema: operation('audit-events.export', 'Export audit events with their proofs', {
      querystring: parameters,
      response: {
        200: z.string().meta({ description: 'Lines of JSON.', example: '{"checkpoint":"…","endorsements":["…"]}\n' }),
      },
      produces: ['application/x-ndjson'],
      answerHeaders: { 'Content-Disposition': 'A name to save it under.' },
      errors: ['not_sealed', 'quota_exceeded'],
      description: [
        'All sealed events that you may see and export, or those asked for as in the list, in the order of the log, as newline-delimited JSON. Check it with `node verifier.mjs export`: each line is proven, and where nothing is skipped, nothing is missing. Events of the last seconds, not sealed yet, are not in it.',
        '',
        '- first `{"checkpoint", "endorsements"}`: the signed note that everything is held against, and the keys of the log;',
        '- then events: `{"leafIndex", "skipped"?, "leaf"}`, with the event in its sealed form (a text of JSON, to be hashed as it stands); or `{"leafIndex", "skipped"?, "leafHash", "event"}` where you may not read every field of it: what you see, beside the hash. `skipped` are the roots of the fewest complete subtrees between it and the event before, from left to right;',
        '- after every few events `{"events", "rest"}`: how many there were, and the roots of the subtrees from there to the end of the tree. From all of them the signed root comes out;',
        '- last such a line with `"end": true`. Without it the export is not whole: `{"interrupted": code}` says why, if there was time to.',
        '',
        'Each batch is recorded in the audit, by the ids of its events, before it is sent.',
      ].join('\n'),
    }),
    handler: async (request, reply) => {
      const pieces = exported(deps, request, callerOf(request))
      // What is refused is refused before anything is answered.
      const first = await pieces.next()
      reply.headers({
        'content-type': 'application/x-ndjson',
        'content-disposition': contentDisposition('attachment', 'audit-events.ndjson'),
      })
      if (request.method === 'HEAD') {
        await pieces.return()
        return reply.send('')
      }
      return reply.send(Readable.from(following(first, pieces), { objectMode: false }))
    },
  })
}

async function* following(
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string, void>,
): AsyncGenerator<string> {
  if (!first.done) yield first.value
  yield* rest
}

/** The export, batch by batch, each one committed to the audit before it is given out. */
async function* exported(deps: Deps, request: FastifyRequest, caller: Caller): AsyncGenerator<string, void> {
  const asked = request.query as JsonRow
  const { question, scope } = eventQuestion(asked)
  const isWhole = Object.keys(question.filters).every((name) => name.startsWith('occurredAt')) && !scope
  const limit = isWhole ? batchSizes.whole : batchSizes.scattered
  const between = { from: text(asked.from), to: text(asked.to) }
  const read = (at: Pick<Batch, 'next' | 'size'>) =>
    deps.db.read(caller, entry, (principal) => {
      const keys = deps.db.keys(principal.tenantId).now()
      const { query } = listQuery({ ...question, limit }, principal, auditEvents, [], deps.cursors, keys, scope)
      return batchPlan(principal, { query, ...between, ...at, limit })
    })

  let lines: ExportLines | null = null
  for (let at: Pick<Batch, 'next' | 'size'> = { next: 0, size: null }; ; ) {
    const found = await read(at).catch(async (error: unknown) => {
      if (lines) return brokenOff(deps.db, request, caller, entry, error)
      throw error
    })
    if (typeof found === 'string') {
      if (lines) yield lines.interrupted(found)
      return
    }
    const [newest] = found.checkpoint ?? []
    if (!newest) throw notSealed()
    const { size, note } = checkpointRow.parse(newest)
    let head = ''
    if (!lines) {
      lines = new ExportLines(size)
      head = lines.head(note, endorsements(found.keys))
    }
    const rows = found.rows ?? []
    const events = eventsOf(caller, rows.slice(0, limit), found.sealed)
    const stored = storedRanges(found.hashes ?? [])
    const isEnd = rows.length <= limit
    yield `${head}${lines.events(events, stored)}${lines.proof(stored, isEnd)}`
    if (isEnd) return
    at = { next: (events.at(-1)?.leafIndex ?? 0) + 1, size }
  }
}

function eventsOf(caller: Caller, rows: readonly JsonRow[], sealed: readonly JsonRow[] = []): ExportedEvent[] {
  const leaves = leavesOf(sealed)
  const view = viewOf(caller.principal, auditEvents)
  return rows.map((each) => {
    const { id, _index: leafIndex, _hash: hash } = row.parse(each)
    const leaf = leaves.get(id)
    if (leaf !== undefined) return { leafIndex, leaf }
    return { leafIndex, leafHash: Buffer.from(hash, 'base64'), event: present(auditEvents, view, each) }
  })
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
