import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const project = join(import.meta.dirname, '../..')

interface Source {
  /** From the project's root. */
  path: string
  text: string
  /** What it imports: a package's name, or a path from the project's root. */
  imports: string[]
}

const sources = ['src', 'scripts', 'test'].flatMap((folder) =>
  readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs|js)$/.test(name))
    .map((name) => readSource(join(folder, name))),
)
const src = sources.filter(({ path }) => path.startsWith('src/'))
const within = (folder: string): Source[] => src.filter(({ path }) => path.startsWith(`${folder}/`))

function readSource(path: string): Source {
  const text = readFileSync(join(project, path), 'utf8')
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith('.') ? relative(project, join(project, dirname(path), fileName)) : fileName,
    )
  return { path, text, imports }
}

/** Which files of `from` import something that `forbidden` names, as "importer -> imported". */
const crossings = (from: Source[], forbidden: (imported: string, importer: string) => boolean): string[] =>
  from.flatMap(({ path, imports }) =>
    imports.filter((each) => forbidden(each, path)).map((each) => `${path} -> ${each}`),
  )

const mentions = (from: Source[], pattern: RegExp): string[] =>
  from.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  )

t.test('the walk finds the sources', async (t) => {
  t.ok(src.length > 80)
  t.ok(src.some(({ imports }) => imports.includes('src/db/database.ts')))
})

t.test('only src/db reaches the database: nobody else imports pg or a driver of drizzle', async (t) => {
  const driver = /^(pg|pg-.*|postgres|drizzle-orm\/(node-postgres|postgres-js|pglite|pg-proxy|neon-.*))(\/.*)?$/
  const outside = src.filter(({ path }) => !path.startsWith('src/db/'))
  t.same(
    crossings(outside, (imported) => driver.test(imported)),
    [],
  )
  t.same(
    crossings(src, (imported) => imported === 'drizzle-orm'),
    [],
    'whole, it costs 250 MB',
  )
})

t.test('only main.ts reads the environment and ends the process', async (t) => {
  const rest = src.filter(({ path }) => path !== 'src/main.ts')
  t.same(mentions(rest, /process\s*\.\s*(env|exit)\b(?!Code)|\benv\b.*from 'node:process'/), [])
  t.same(
    crossings(sources, (imported) => imported === 'src/main.ts'),
    [],
  )
})

t.test('a layer imports nothing from those above it', async (t) => {
  const allowed: Record<string, RegExp> = {
    'src/access': /^src\/(access\/|errors\.ts)/,
    // How a request to AWS is signed is a function of the request alone.
    'src/channels': /^src\/(channels\/|privacy\/aws-signature\.ts)/,
    'src/privacy': /^src\/(privacy|db|access|resources)\/|^src\/(errors|config)\.ts/,
    'src/db': /^src\/(db|access|privacy)\/|^src\/(errors|config)\.ts/,
    'src/http': /^src\/(http|db|access|privacy)\/|^src\/(errors|config)\.ts/,
    'src/resources': /^src\/(?!delivery\/|(app|start|main)\.ts)/,
    'src/delivery': /^src\/(?!(app|start|main)\.ts)/,
  }
  for (const [folder, pattern] of Object.entries(allowed))
    t.same(
      crossings(within(folder), (imported) => imported.startsWith('src/') && !pattern.test(imported)),
      [],
      folder,
    )
})

t.test('a noun never imports the routes of another noun', async (t) => {
  const routesOf = (imported: string): string => /^src\/resources\/([^/]+)\/routes\.ts$/.exec(imported)?.[1] ?? ''
  const nouns = within('src/resources').filter(({ path }) => path !== 'src/resources/index.ts')
  t.same(
    crossings(nouns, (imported, importer) => routesOf(imported) !== '' && !importer.startsWith(dirname(imported))),
    [],
  )
})

t.test('a file says one thing: it is short, and named after what it says', async (t) => {
  /** Longer than they should be. This list may only shrink. */
  const long = new Set(['src/db/tables/conversation.ts'])
  /** One file on purpose: people download it and read it from top to bottom before they run it. */
  const whole = 'src/audit/verifier.mjs'
  const limit = ({ path }: Source): number => (path.startsWith('test/') ? 400 : 300)
  const lines = ({ text }: Source): number => text.split('\n').length - 1
  t.same(
    sources
      .filter((source) => lines(source) > limit(source) && !long.has(source.path) && source.path !== whole)
      .map((one) => `${one.path}: ${lines(one)}`),
    [],
  )
  for (const path of long)
    t.ok(
      sources.some((one) => one.path === path && lines(one) > 300),
      `${path} is still long`,
    )
  t.same(
    src.map(({ path }) => path).filter((path) => /(^|\/)(helpers?|utils?|service|lib|common|misc)\.ts$/.test(path)),
    [],
  )
})

t.test('nothing switches the compiler or a test off', async (t) => {
  const here = 'test/guarantees/house-rules.test.ts'
  const others = sources.filter(({ path }) => path !== here)
  t.same(mentions(others, /@ts-(ignore|expect-error|nocheck)/), [])
  t.same(sources.flatMap(loose), [], 'neither "any" nor "!"')
  t.same(mentions(others, /\b(t|tap)\.(only|skip|todo)\(|\{\s*(only|skip|todo): true/), [])
  t.same(mentions(src, /\b(TODO|FIXME|XXX|HACK)\b/), [])
})

/** Where a source says `any` or `value!`, which end the compiler's help. */
function loose({ path, text }: Source): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword || node.kind === ts.SyntaxKind.NonNullExpression)
      found.push(`${path}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}: ${node.getText(file)}`)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}
