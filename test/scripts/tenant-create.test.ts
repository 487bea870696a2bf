import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { ownerEmail, startTestService, type TestService } from '../harness/service.ts'

const scripts = join(import.meta.dirname, '../../scripts')

async function run(service: TestService | null, script: string, ...args: string[]) {
  const settings = service
    ? { DATABASE_URL: service.ownerUrl, MASTER_KEY: service.config.masterKey, DATA_DIR: service.config.dataDir }
    : {}
  const child = spawn(process.execPath, [join(scripts, script), ...args], {
    env: { PATH: process.env.PATH, ...settings },
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: child.exitCode, stdout, stderr }
}

t.test('a tenant made beside the running service has an owner who can log in at once', async (t) => {
  const service = await startTestService(t)
  const { code, stdout, stderr } = await run(
    service,
    'tenant-create.ts',
    '--name',
    "O'Neil & Söhne",
    // Who owns another tenant already.
    '--owner',
    ownerEmail,
  )
  t.equal(code, 0, stderr)
  const tenant = /is made: ([\da-f-]{36})/.exec(stdout)?.[1] ?? ''
  const password = /password: (\S+)/.exec(stdout)?.[1] ?? ''
  t.match(password, /^[\w-]{20}$/)
  const login = await service.request('POST', '/v1/sessions', {
    token: null,
    body: { email: ownerEmail, password, tenant },
  })
  t.equal(login.status, 201)
  const token = login.string('accessToken')
  t.match((await service.request('GET', '/v1/business-units', { token })).data, [{ name: "O'Neil & Söhne" }])
  t.same((await service.request('GET', '/v1/contacts', { token })).data, [], 'and sees nothing of the other tenant')
  const events = await service.sql(
    'SELECT action, resource, outcome FROM audit.readable_event WHERE tenant_id = $1 ORDER BY sequence LIMIT 1',
    [tenant],
  )
  t.same(events, [{ action: 'create', resource: 'tenants', outcome: 'allowed' }])
})

t.test('wrong arguments are named in a line each, and nothing is touched', async (t) => {
  const wrong = [
    [[], /^--name is missing\.\n--owner is missing\.\nUsage: npm run tenant:create/],
    [['--name', 'A', '--owner', 'nobody'], /^--owner must be an email address\.\nUsage/],
    [['--name', '', '--owner', 'a@example.com'], /^--name must have 1 to 200 characters\.\nUsage/],
    [['--nam', 'A'], /^Unknown option '--nam'/],
    [['A'], /^Unexpected argument 'A'/],
  ] as const
  const runs = await Promise.all(wrong.map(([args]) => run(null, 'tenant-create.ts', ...args)))
  for (const [i, { code, stdout, stderr }] of runs.entries()) {
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, wrong[i]?.[1])
  }
  t.match(await run(null, 'demo.ts', '--tenants', 'A'), { code: 2, stderr: /^Unknown option '--tenants'/ })
})

t.test('settings that are wrong are named as the service names them', async (t) => {
  const child = spawn(
    process.execPath,
    [join(scripts, 'tenant-create.ts'), '--name', 'A', '--owner', 'a@example.com'],
    {
      env: { PATH: process.env.PATH, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' },
    },
  )
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')])
  t.equal(child.exitCode, 1)
  t.match(stderr, /^MASTER_KEY is required when DATABASE_URL is set/)
})
