import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generateDocument } from '../scripts/openapi.ts'
import { catalogue } from '../src/errors.ts'

const project = join(import.meta.dirname, '..')
const codes = Object.keys(catalogue)

/** Where errors are listed, not answered. */
const lists = new Set(['errors.ts', 'http/operation-errors.ts'])
const sources = readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !lists.has(name.replaceAll('\\', '/')))
  .map((name) => readFileSync(join(project, 'src', name), 'utf8').replaceAll(/^ *(\w+: )?errors: .*$/gm, ''))

t.test('every error of the catalogue can happen', async (t) => {
  t.same(
    codes.filter((code) => !sources.some((text) => text.includes(`'${code}'`))),
    [],
  )
})

t.test('the document lists every error, and says which operation can answer it', async (t) => {
  const { components, info, paths } = JSON.parse(await generateDocument())
  t.same(components.schemas.Problem.properties.code.enum, codes)
  for (const code of codes) t.match(components.schemas.Problem.description, `\`${code}\``, code)
  const answered = new Set(
    Object.entries<{ content: Record<string, { examples: object }> }>(components.responses)
      .filter(([name]) => JSON.stringify(paths).includes(`"#/components/responses/${name}"`))
      .flatMap(([, { content }]) => Object.keys(content['application/problem+json']?.examples ?? {})),
  )
  // These two belong to no operation.
  const everywhere = ['route_not_found', 'method_not_allowed']
  for (const code of everywhere) t.match(info.description, code)
  t.same(
    codes.filter((code) => !answered.has(code) && !everywhere.includes(code)),
    [],
  )
})

t.test('the README lists every error, and no other', async (t) => {
  const readme = readFileSync(join(project, 'README.md'), 'utf8')
  const rows = readme.match(/^\| `\w+` \| \d{3} \| .* \|$/gm)
  t.same(
    rows,
    Object.entries(catalogue).map(([code, [status, text]]) => `| \`${code}\` | ${status} | ${text} |`),
  )
})
