/**
 * Makes a further tenant with its owner, also while the service runs:
 *
 *   npm run tenant:create -- --name "Meridian Trading" --owner owner@meridian.example
 *
 * Settings as for the service. Prints the owner's password, which is shown once and kept nowhere; the owner can log in
 * at once. Exit code 2 where the arguments are wrong.
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { tenantCreate } from '../src/resources/tenants/create.ts'
import { email, text } from '../src/resources/values.ts'
import { told, UsageError, withDatabase } from './with-database.ts'

const usage = 'Usage: npm run tenant:create -- --name <name of the tenant> --owner <email address of its owner>'

await told(async () => {
  const { name, owner } = readArguments(process.argv.slice(2))
  await withDatabase(async (db, config) => {
    const password = randomBytes(15).toString('base64url')
    const { tenantId } = await tenantCreate(db, { name, ownerEmail: owner, ownerPassword: password })
    // The tenant is named in the login, since the same address may belong to several.
    const login = JSON.stringify({ email: owner, password, tenant: tenantId }).replaceAll("'", "'\\''")
    console.log(
      [
        `Tenant "${name}" is made: ${tenantId}`,
        `  owner:    ${owner}`,
        `  password: ${password}   (shown once: write it down)`,
        `  log in:   curl -s ${config.publicUrl}/v1/sessions -H 'content-type: application/json' -d '${login}'`,
      ].join('\n'),
    )
  })
})

function readArguments(args: string[]): { name: string; owner: string } {
  const values = parsed(args)
  const name = text(200, 'name', 'Meridian').safeParse(values.name)
  const owner = email('owner').safeParse(values.owner)
  const faults = [
    ...(values.name === undefined
      ? ['--name is missing.']
      : name.success
        ? []
        : ['--name must have 1 to 200 characters.']),
    ...(values.owner === undefined
      ? ['--owner is missing.']
      : owner.success
        ? []
        : ['--owner must be an email address.']),
  ]
  if (!name.success || !owner.success) throw new UsageError([...faults, usage].join('\n'))
  return { name: name.data, owner: owner.data }
}

function parsed(args: string[]): { name?: string | undefined; owner?: string | undefined } {
  try {
    return parseArgs({ args, options: { name: { type: 'string' }, owner: { type: 'string' } } }).values
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}
