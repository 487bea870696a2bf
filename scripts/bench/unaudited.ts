import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A copy of the service whose statements write no audit event, to be measured against: it can only read, since the
 * database takes no change without one.
 * @returns its folder
 */
export function makeUnaudited(project: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'custodia-unaudited-'))
  for (const part of ['src', 'migrations', 'openapi', 'package.json'])
    cpSync(join(project, part), join(copy, part), { recursive: true })
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'))
  const file = join(copy, 'src/db/audit-event.ts')
  const text = readFileSync(file, 'utf8')
  // A step that nobody asks for is not run.
  const cut = text.replace(
    /(function eventSteps\([\s\S]*?\n\): SQL \{\n)/,
    '$1  if (parts) return sql`named AS (SELECT 1)`\n',
  )
  if (cut === text) throw new Error('the audit was not found where it is cut out')
  writeFileSync(file, cut)
  return copy
}
