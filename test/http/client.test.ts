import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import openapiTS, { astToString } from 'openapi-typescript'
import t from 'tap'
import { documentFile } from '../../scripts/openapi.ts'
import { ownerEmail, password, startTestService } from '../harness/service.ts'

const run = promisify(execFile)
const project = join(import.meta.dirname, '../..')
const program = join(project, 'test/fixtures/client.ts')

t.test('a client generated from the document does the main job without a cast', async (t) => {
  t.notMatch(
    readFileSync(program, 'utf8').replaceAll(/\/\/.*/g, ''),
    /\bas [A-Z\w]|\bany\b|\w![.[)]|@ts-/,
    'the program casts nothing',
  )
  // Inside the project, for its node_modules; ignored by git, and not walked by the compiler of the project.
  const root = join(project, '.tap')
  mkdirSync(root, { recursive: true })
  const folder = mkdtempSync(join(root, 'client-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(
    join(folder, 'schema.d.ts'),
    astToString(await openapiTS(JSON.parse(readFileSync(documentFile, 'utf8')))),
  )
  copyFileSync(program, join(folder, 'client.ts'))
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        noUncheckedIndexedAccess: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        target: 'es2024',
        module: 'nodenext',
        types: ['node'],
        allowImportingTsExtensions: true,
      },
      include: ['*.ts'],
    }),
  )
  const tsc = join(project, 'node_modules/typescript/bin/tsc')
  const compiled = await run(process.execPath, [tsc, '-p', folder]).catch((error) => error)
  t.equal(compiled.stdout, '', 'it compiles under --strict')

  const { url } = await startTestService(t, { listen: true })
  const { stdout } = await run(process.execPath, [join(folder, 'client.ts'), url, ownerEmail, password])
  t.equal(
    stdout,
    [
      'me Owner owner',
      'created true true',
      'phone +49 crm',
      'listed 1 Anna Müller null',
      'not modified 304',
      'changed to call 2',
      'too late 412 version_mismatch',
      'found true',
      'channel connector true',
      'sent outbound queued',
      'messages It left our warehouse this morning.',
      'inbox Anna Müller true',
      'audited true true',
      'refused 400 invalid_request /country',
      '',
    ].join('\n'),
  )
})
