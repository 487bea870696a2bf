import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { documentFile, generateDocument } from '../../scripts/openapi.ts'
import { catalogue } from '../../src/errors.ts'

type Json = { [key: string]: unknown }

const project = join(import.meta.dirname, '../..')
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const object = (value: unknown): Json => (isObject(value) ? value : {})
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : [])

const generated = await generateDocument()
const document: Json = JSON.parse(generated)
const components = object(document.components)
const resolve = (node: Json): Json => {
  if (typeof node.$ref !== 'string') return node
  const [, , group = '', name = ''] = node.$ref.split('/')
  return object(object(components[group])[name])
}
const operations = Object.entries(object(document.paths)).flatMap(([path, item]) =>
  Object.entries(object(item)).map(([method, one]) => ({ name: `${method} ${path}`, method, path, ...parts(one) })),
)

function parts(operation: unknown) {
  const whole = object(operation)
  const responses = Object.entries(object(whole.responses)).map(([status, response]) => ({
    status: Number(status),
    response: resolve(object(response)),
  }))
  return { whole, parameters: list(whole.parameters).map(resolve), responses, body: object(whole.requestBody) }
}

/** What is missing, in words: thousands of places are looked at, and only the wrong ones are worth a line. */
class Faults {
  readonly found: string[] = []
  ok(isThere: unknown, what: string): void {
    if (!isThere) this.found.push(what)
  }
}

const contents = (node: Json): [string, Json][] =>
  Object.entries(object(node.content)).map(([media, content]) => [media, object(content)])

t.test('the committed document is the generated one', async (t) => {
  t.ok(
    readFileSync(documentFile, 'utf8') === generated,
    'openapi/openapi.json is not what the routes say: run npm run openapi, and commit what it changes',
  )
})

t.test("Redocly's recommended rules find nothing", async (t) => {
  const redocly = join(project, 'node_modules/@redocly/cli/bin/cli.js')
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', CI: 'true' }
  const lint = await promisify(execFile)(
    process.execPath,
    [redocly, 'lint', 'openapi/openapi.json', '--format=codeframe', '--max-problems=20'],
    { cwd: project, env },
  ).then(
    ({ stderr }) => stderr,
    (error) => `${error.stdout}${error.stderr}`,
  )
  t.match(lint, /Your API description is valid/)
  t.notMatch(lint, /You have \d+ (warning|error)/, lint)
})

t.test('every operation says what it is, what it takes and what it answers', async (t) => {
  const faults = new Faults()
  const ids = new Set<unknown>()
  const chapters = list(document.tags).map((tag) => tag.name)
  for (const { name, whole, parameters, responses, body } of operations) {
    for (const part of ['operationId', 'summary', 'description']) faults.ok(whole[part], `${name} has no ${part}`)
    faults.ok(!ids.has(whole.operationId), `${name} has the operationId of another`)
    ids.add(whole.operationId)
    faults.ok(Array.isArray(whole.tags) && chapters.includes(whole.tags[0]), `${name} is in no described chapter`)
    for (const parameter of parameters) {
      faults.ok(parameter.description, `${name} does not describe ${parameter.name}`)
      faults.ok(
        'example' in parameter || Array.isArray(object(parameter.schema).examples),
        `${name} has no example of ${parameter.name}`,
      )
    }
    for (const [media, content] of contents(body)) faults.ok('example' in content, `${name}: no example of ${media}`)
    const statuses = responses.map(({ status }) => status)
    faults.ok(
      statuses.some((status) => status < 300),
      `${name} cannot succeed`,
    )
    for (const { status, response } of responses) {
      faults.ok(response.description, `${name} does not describe ${status}`)
      faults.ok(object(response.headers)['Request-Id'], `${name} does not name the request with ${status}`)
      if (status === 204 || status === 304) faults.ok(!response.content, `${name} has a body with ${status}`)
      if (status < 300)
        for (const [media, content] of contents(response))
          faults.ok('example' in content, `${name} has no example of its ${status} ${media}`)
      if (status >= 400) problem(faults, name, status, response)
    }
  }
  t.ok(operations.length > 50)
  t.same(faults.found, [])
})

function problem(faults: Faults, name: string, status: number, response: Json): void {
  const [[media, content] = ['', {}]] = contents(response)
  faults.ok(media === 'application/problem+json', `${name} answers ${status} not as a problem`)
  const codes = Object.keys(object(content.examples))
  const known: Record<string, readonly [number, string]> = catalogue
  faults.ok(codes.length > 0, `${name} does not name the codes of ${status}`)
  for (const code of codes) {
    faults.ok(known[code]?.[0] === status, `${code} does not belong to ${status}`)
    faults.ok(String(response.description).includes(`\`${code}\``), `${name} does not describe ${code}`)
  }
}

t.test('headers are documented where they occur', async (t) => {
  const faults = new Faults()
  for (const { name, whole, parameters, responses } of operations) {
    const takes = (header: string): boolean => parameters.some((one) => one.in === 'header' && one.name === header)
    const can = (status: number): boolean => responses.some((one) => one.status === status)
    const answers = (header: string, which: (status: number) => boolean): boolean =>
      responses.some(({ status, response }) => which(status) && header in object(response.headers))
    const guarded = whole.security === undefined
    faults.ok(takes('X-Purpose') === guarded, `${name}: the purpose of somebody known`)
    faults.ok(takes('X-Ticket') === guarded, `${name}: the ticket of somebody known`)
    faults.ok(can(401) === answers('WWW-Authenticate', (status) => status === 401), `${name}: WWW-Authenticate`)
    faults.ok(can(429) === answers('Retry-After', (status) => status === 429), `${name}: Retry-After`)
    faults.ok(can(429) === answers('RateLimit', (status) => status === 429), `${name}: RateLimit`)
    faults.ok(can(304) === takes('If-None-Match'), `${name}: If-None-Match`)
    if (can(304))
      faults.ok(
        answers('ETag', (status) => status === 200),
        `${name}: ETag`,
      )
    if (takes('If-Match')) faults.ok(can(412), `${name}: If-Match`)
    if (can(201) && takes('Idempotency-Key') && answers('Location', () => true))
      faults.ok(
        answers('Location', (status) => status === 201),
        `${name}: Location`,
      )
    faults.ok(
      takes('Idempotency-Key') === answers('Idempotent-Replayed', (status) => status < 300),
      `${name}: Idempotent-Replayed`,
    )
  }
  t.same(faults.found, [])
})

t.test('every POST but logging in, posting events and searching takes an Idempotency-Key', async (t) => {
  const without = operations
    .filter(({ method, parameters }) => method === 'post' && !parameters.some((one) => one.name === 'Idempotency-Key'))
    .map(({ path }) => path)
    .filter((path) => !path.endsWith('/search'))
  t.same(without, [
    // To say so again changes nothing.
    '/v1/contacts/{id}/merge-suggestions/{contactId}/dismiss',
    '/v1/ingest/{channelId}',
    '/v1/invitations/accept',
    '/v1/sessions',
    '/v1/sessions/exchange',
    '/v1/sessions/refresh',
    '/v1/unsubscribe/{token}',
    // A visitor's message has an id of the page's own; the others may be repeated.
    '/v1/webchat/{channelId}/files',
    '/v1/webchat/{channelId}/messages',
    '/v1/webchat/{channelId}/read',
    '/v1/webchat/{channelId}/sessions',
  ])
})

t.test('every list can be filtered by each of its fields with each of its operators', async (t) => {
  const contacts = operations.find(({ name }) => name === 'get /v1/contacts')
  const names = contacts?.parameters.map((one) => String(one.name)) ?? []
  for (const name of [
    'country',
    'country[in]',
    'phone',
    'phone[startsWith]',
    'createdAt[gte]',
    'tags[in]',
    'q',
    'sort',
  ])
    t.ok(names.includes(name), name)
})

t.test('every schema is described to its leaves, and has an example', async (t) => {
  /** What cannot be said, with the reason. This list may only shrink. */
  const open = new Set([
    // The question as it was asked, hashed.
    'AuditEvent.query/*',
    // The value of whatever field it was.
    'ChangedField.before',
    'ChangedField.after',
    // By type, and by provider; `text` is the same for all.
    'Message.content/*',
    'MessageRevealed.fields.content/*',
    // A record of whatever resource the draft is tried on.
    'RoleSimulation.record/*',
    'SimulatedRole.view/*',
    // A value of whatever field the two differ in.
    'MergeConflict.ours',
    'MergeConflict.theirs',
    'SimulatedRouting.conversation/*',
    'SimulatedRouting.contact/*',
    // In the provider's own shape.
    'MessageTemplate.components[]/*',
    'ConsentEvidence.detail/*',
    'post /v1/unsubscribe/{token} body',
    'get /v1/inbound-events/{id}/payload 200',
    'post /v1/ingest/{channelId} body',
  ])
  const met = new Set<string>()
  const faults = new Faults()
  const check = (node: Json, at: string, isProperty: boolean): void => {
    if (isProperty) faults.ok(resolve(node).description, `${at} is not described`)
    const says = Object.keys(node).filter((key) => !['description', 'examples', 'default'].includes(key))
    if (open.has(at)) met.add(at)
    else faults.ok(says.length > 0, `${at} does not say what it is`)
    if (isObject(node.additionalProperties)) check(node.additionalProperties, `${at}/*`, false)
    for (const key of ['anyOf', 'oneOf', 'allOf', 'prefixItems'])
      for (const [i, part] of list(node[key]).entries()) check(part, `${at}/${key}/${i}`, false)
    if (isObject(node.items)) check(node.items, `${at}[]`, false)
    for (const [name, property] of Object.entries(object(node.properties)))
      check(object(property), `${at}.${name}`, true)
  }
  for (const [name, schema] of Object.entries(object(components.schemas))) {
    faults.ok(object(schema).description, `${name} is not described`)
    faults.ok(Array.isArray(object(schema).examples), `${name} has no example`)
    check(object(schema), name, false)
  }
  for (const { name, parameters, responses, body } of operations) {
    for (const parameter of parameters) check(object(parameter.schema), `${name} ${parameter.name}`, false)
    for (const [, content] of contents(body)) check(object(content.schema), `${name} body`, false)
    for (const { status, response } of responses)
      for (const [, content] of contents(response)) check(object(content.schema), `${name} ${status}`, false)
  }
  t.same(faults.found, [])
  t.same(
    [...open].filter((at) => !met.has(at)),
    [],
    'nothing is on the list for no reason',
  )
})

t.test('a record always has its id; everything else may be hidden from somebody', async (t) => {
  const schemas = object(components.schemas)
  for (const [name, schema] of Object.entries(schemas)) {
    const { properties, required } = object(schema)
    if (isObject(properties) && 'maskedFields' in properties) t.same(required, ['id'], name)
    if (name.endsWith('Page'))
      t.same([...(Array.isArray(required) ? required : [])].sort(), ['data', 'nextCursor'], name)
  }
  const contact = object(object(schemas.Contact).properties)
  t.notMatch(contact.email, { format: String }, 'a masked address is none')
  t.notMatch(contact.phone, { pattern: String }, 'a masked phone is none')
  t.match(contact.birthDate, { type: ['string', 'null'], format: 'date' }, 'a masked date is a date')
  t.match(contact.version, { type: 'integer' }, 'what is never null is not nullable')
})
