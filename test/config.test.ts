import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { ConfigError, loadMasterKey, parseConfig, settingNames } from '../src/config.ts'

const key = Buffer.alloc(32, 7).toString('base64')

function faults(env: Record<string, string | undefined>): readonly string[] {
  try {
    parseConfig(env, '/project')
  } catch (error) {
    if (error instanceof ConfigError) return error.lines
    throw error
  }
  return []
}

t.test('an empty environment gives the documented defaults', async (t) => {
  t.match(parseConfig({}, '/project'), {
    port: 3000,
    host: '127.0.0.1',
    publicUrl: 'http://127.0.0.1:3000',
    allowedOrigins: [],
    trustedProxies: [],
    databaseUrl: undefined,
    databaseAppUrl: undefined,
    databasePoolSize: 10,
    dataDir: '/project/.data',
    ownerEmail: 'owner@example.com',
    ownerPassword: undefined,
    tenantName: 'Default',
    masterKey: undefined,
    metricsToken: undefined,
    logLevel: 'info',
    logPretty: undefined,
    rateLimitPerMinute: 6000,
    outboundAllowPrivate: false,
    workerConcurrency: 4,
    attachmentBucket: undefined,
    attachmentMaxBytes: 26_214_400,
    shutdownTimeoutSeconds: 30,
  })
})

t.test('every setting is read', async (t) => {
  const env = {
    PORT: '0',
    HOST: '::1',
    PUBLIC_URL: 'https://hub.example.com/base/',
    ALLOWED_ORIGINS: 'https://a.example.com, http://localhost:5173,',
    TRUSTED_PROXIES: '10.0.0.0/8, ::1,fd00::/8',
    DATABASE_URL: 'postgresql://login:pass%20word@db.example.com:5433/hub?sslmode=require',
    DATABASE_APP_URL: 'postgres:///hub?host=/run/postgresql',
    DATABASE_POOL_SIZE: '20',
    DATA_DIR: 'var/data',
    CHECKPOINT_DIR: '/mnt/worm/checkpoints',
    AUDIT_ACCEPT_LOSS: '01a202d7-05ad-78ba-911f-183f11be662b@120',
    AUDIT_RETENTION_MONTHS: '24',
    OWNER_EMAIL: 'ana@example.com',
    OWNER_PASSWORD: ' a pass phrase ',
    TENANT_NAME: 'Müller & Söhne',
    MASTER_KEY: key,
    METRICS_TOKEN: 'a-token-for-the-metrics',
    LOG_LEVEL: 'warn',
    LOG_PRETTY: 'false',
    RATE_LIMIT_PER_MINUTE: '0',
    OUTBOUND_ALLOW_PRIVATE: 'true',
    WORKER_CONCURRENCY: '8',
    ATTACHMENT_BUCKET_URL: 'https://s3.eu-central-1.amazonaws.com/bucket/',
    ATTACHMENT_BUCKET_REGION: 'eu-central-1',
    ATTACHMENT_BUCKET_KEY_ID: 'AKIDEXAMPLE',
    ATTACHMENT_BUCKET_SECRET: 'a/secret+of=signs',
    ATTACHMENT_MAX_BYTES: '1000000',
    SHUTDOWN_TIMEOUT_SECONDS: '5',
  }
  t.same(Object.keys(env).sort(), [...settingNames].sort(), 'this test knows all settings')
  t.match(parseConfig(env, '/project'), {
    port: 0,
    host: '::1',
    publicUrl: 'https://hub.example.com/base',
    allowedOrigins: ['https://a.example.com', 'http://localhost:5173'],
    trustedProxies: ['10.0.0.0/8', '::1', 'fd00::/8'],
    databaseUrl: env.DATABASE_URL,
    databaseAppUrl: env.DATABASE_APP_URL,
    databasePoolSize: 20,
    dataDir: '/project/var/data',
    checkpointDir: '/mnt/worm/checkpoints',
    auditAcceptLoss: [{ tenantId: '01a202d7-05ad-78ba-911f-183f11be662b', size: 120 }],
    auditRetentionMonths: 24,
    ownerEmail: 'ana@example.com',
    ownerPassword: ' a pass phrase ',
    tenantName: 'Müller & Söhne',
    masterKey: key,
    metricsToken: 'a-token-for-the-metrics',
    logLevel: 'warn',
    logPretty: false,
    rateLimitPerMinute: 0,
    outboundAllowPrivate: true,
    workerConcurrency: 8,
    attachmentBucket: {
      url: 'https://s3.eu-central-1.amazonaws.com/bucket',
      region: 'eu-central-1',
      keyId: 'AKIDEXAMPLE',
      secret: 'a/secret+of=signs',
    },
    attachmentMaxBytes: 1_000_000,
    shutdownTimeoutSeconds: 5,
  })
  t.equal(parseConfig({ HOST: '::1' }, '/project').publicUrl, 'http://[::1]:3000')
})

t.test('an empty text counts as unset', async (t) => {
  const empty = Object.fromEntries(settingNames.map((name) => [name, '']))
  t.same(inspect(parseConfig({ ...empty, CUSTODIA_ANYTHING: '' }, '/project')), inspect(parseConfig({}, '/project')))
})

t.test('the configuration cannot be changed', async (t) => {
  const config = parseConfig({ ALLOWED_ORIGINS: 'https://a.example.com' }, '/project')
  for (const part of [config, config.allowedOrigins, config.trustedProxies]) t.ok(Object.isFrozen(part))
})

t.test('secrets are not printed', async (t) => {
  const secrets = {
    DATABASE_URL: 'postgres://login:secret-1@db/hub',
    DATABASE_APP_URL: 'postgres://app:secret-2@db/hub',
    OWNER_PASSWORD: 'secret-3-pass',
    MASTER_KEY: key,
    METRICS_TOKEN: 'secret-4-and-longer',
    ATTACHMENT_BUCKET_URL: 'http://127.0.0.1:9000/bucket',
    ATTACHMENT_BUCKET_REGION: 'us-east-1',
    ATTACHMENT_BUCKET_KEY_ID: 'secret-5',
    ATTACHMENT_BUCKET_SECRET: 'secret-6',
  }
  const config = parseConfig(secrets, '/project')
  t.equal(config.ownerPassword, 'secret-3-pass', 'though they are there')
  for (const printed of [JSON.stringify({ config }), inspect({ config }, { depth: 9 }), inspect(config)]) {
    t.equal(printed.match(/\[secret\]/g)?.length, 6)
    t.notMatch(printed, /secret-\d/)
    t.notOk(printed.includes(key))
  }
})

t.test('a wrong value is one line that says what it must be', async (t) => {
  const wrong: [name: string, value: string, line: RegExp][] = [
    ['PORT', '80a', /^PORT must be a whole number from 0 to 65535, not "80a"\.$/],
    ['PORT', '65536', /whole number from 0 to 65535/],
    ['PORT', '-1', /whole number/],
    ['PORT', '1e3', /whole number/],
    ['HOST', 'http://localhost', /^HOST must be an IP address or a host name .*, not "http:/],
    ['HOST', 'localhost:3000', /^HOST must be/],
    ['PUBLIC_URL', 'hub.example.com', /^PUBLIC_URL must be an http or https address/],
    ['PUBLIC_URL', 'ftp://hub.example.com', /^PUBLIC_URL/],
    ['PUBLIC_URL', 'https://me:pw@hub.example.com', /^PUBLIC_URL/],
    ['PUBLIC_URL', 'https://hub.example.com/?a=1', /^PUBLIC_URL/],
    ['PUBLIC_URL', 'https://hub.example.com/#', /^PUBLIC_URL/],
    ['ALLOWED_ORIGINS', '*', /^ALLOWED_ORIGINS must be exact origins .* "\*" is not one\.$/],
    ['ALLOWED_ORIGINS', 'https://a.example.com,https://b.example.com/', /"https:\/\/b.example.com\/" is not one/],
    ['ALLOWED_ORIGINS', 'null', /"null" is not one/],
    ['TRUSTED_PROXIES', '10.0.0.0/33', /^TRUSTED_PROXIES must be IP addresses or CIDR ranges .* "10.0.0.0\/33" is not/],
    ['TRUSTED_PROXIES', 'proxy.example.com', /is not one/],
    ['TRUSTED_PROXIES', '10.0.0.1,true', /"true" is not one/],
    ['DATABASE_POOL_SIZE', '0', /whole number from 1 to 500/],
    ['OWNER_EMAIL', 'owner', /^OWNER_EMAIL must be an email address, not "owner"\.$/],
    ['OWNER_PASSWORD', 'short', /^OWNER_PASSWORD must have 8 to 1024 characters, not 5\.$/],
    ['TENANT_NAME', 'x'.repeat(201), /^TENANT_NAME must have 1 to 200 characters, not 201\.$/],
    ['MASTER_KEY', 'abc', /^MASTER_KEY must be 32 bytes in base64 .*`openssl rand -base64 32/],
    ['MASTER_KEY', Buffer.alloc(31).toString('base64'), /32 bytes/],
    ['METRICS_TOKEN', 'short', /^METRICS_TOKEN must have 16 to 512/],
    ['LOG_LEVEL', 'loud', /^LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, not "loud"\.$/],
    ['LOG_PRETTY', 'yes', /^LOG_PRETTY must be one of true, false, not "yes"\.$/],
    ['RATE_LIMIT_PER_MINUTE', '1.5', /whole number/],
    ['OUTBOUND_ALLOW_PRIVATE', '1', /^OUTBOUND_ALLOW_PRIVATE must be one of true, false/],
    ['WORKER_CONCURRENCY', '101', /from 1 to 100/],
    ['ATTACHMENT_BUCKET_URL', 's3://bucket', /^ATTACHMENT_BUCKET_URL must be the http or https address of a bucket/],
    ['ATTACHMENT_BUCKET_URL', 'https://me:pw@s3.example.com/bucket', /^ATTACHMENT_BUCKET_URL/],
    ['ATTACHMENT_BUCKET_URL', 'https://s3.example.com/bucket?x=1', /^ATTACHMENT_BUCKET_URL/],
    ['ATTACHMENT_BUCKET_URL', 'https://s3.example.com/b%20c', /^ATTACHMENT_BUCKET_URL/],
    ['ATTACHMENT_MAX_BYTES', '25MB', /from 1 to 1073741824/],
    ['SHUTDOWN_TIMEOUT_SECONDS', '0', /from 1 to 600/],
    [
      'AUDIT_ACCEPT_LOSS',
      '01a202d7-05ad-78ba-911f-183f11be662b',
      /^AUDIT_ACCEPT_LOSS must be tenant ids with the size/,
    ],
  ]
  for (const [name, value, line] of wrong) t.match(faults({ [name]: value }), [line], `${name}=${value}`)
})

t.test('a wrong database address is told without repeating its password', async (t) => {
  for (const value of ['mysql://me:hush@db/hub', 'postgres://me:hush@db', 'me:hush@db']) {
    const lines = faults({ DATABASE_URL: value, MASTER_KEY: key })
    t.match(lines, [/^DATABASE_URL must be a PostgreSQL address that names a database: postgres:\/\//])
    t.notMatch(lines.join(), /hush/)
  }
})

t.test('settings that need each other are told', async (t) => {
  t.match(faults({ DATABASE_URL: 'postgres://me@db/hub' }), [/^MASTER_KEY is required when DATABASE_URL is set/])
  t.match(faults({ DATABASE_APP_URL: 'postgres://me@db/hub' }), [/^DATABASE_APP_URL needs DATABASE_URL/])
})

t.test('a bucket is described whole or not at all, and its secret is not repeated', async (t) => {
  const bucket = {
    ATTACHMENT_BUCKET_URL: 'http://127.0.0.1:9000/bucket',
    ATTACHMENT_BUCKET_REGION: 'us-east-1',
    ATTACHMENT_BUCKET_KEY_ID: 'AKIDEXAMPLE',
    ATTACHMENT_BUCKET_SECRET: 'hush',
  }
  t.same(faults(bucket), [])
  for (const name of Object.keys(bucket)) {
    const lines = faults({ ...bucket, [name]: undefined })
    t.equal(lines.length, 1)
    t.match(lines[0], new RegExp(`^${name} must be set too, since a bucket needs all of ATTACHMENT_BUCKET_URL, `))
    t.notMatch(lines.join(), /hush/)
  }
  const lines = faults({ ...bucket, ATTACHMENT_BUCKET_SECRET: 'hush hush' })
  t.same(lines, ['ATTACHMENT_BUCKET_SECRET must have 1 to 512 letters, digits and signs of ASCII, without spaces.'])
})

t.test('all faults are told at once', async (t) => {
  const lines = faults({ PORT: 'x', LOG_LEVEL: 'y', DATABASE_URL: 'postgres://me@db/hub', OWNER_NAME: 'z' })
  t.match(lines, [/^PORT /, /^LOG_LEVEL /, /^MASTER_KEY /, /^OWNER_NAME /])
})

t.test('an unknown name that begins like ours stops the start and names the nearest', async (t) => {
  const unknown: [name: string, line: string][] = [
    ['OWNER_MAIL', 'OWNER_MAIL is not a setting; did you mean OWNER_EMAIL?'],
    ['OUTBOUND_ALLOW_PRIVATES', 'OUTBOUND_ALLOW_PRIVATES is not a setting; did you mean OUTBOUND_ALLOW_PRIVATE?'],
    ['RATE_LIMIT_PER_MIN', 'RATE_LIMIT_PER_MIN is not a setting; did you mean RATE_LIMIT_PER_MINUTE?'],
    ['TRUSTED_PROXY', 'TRUSTED_PROXY is not a setting; did you mean TRUSTED_PROXIES?'],
    ['ALLOWED_ORIGIN', 'ALLOWED_ORIGIN is not a setting; did you mean ALLOWED_ORIGINS?'],
    ['DATABASE_URI', 'DATABASE_URI is not a setting; did you mean DATABASE_URL?'],
    ['LOG_LEVELS', 'LOG_LEVELS is not a setting; did you mean LOG_LEVEL?'],
    ['TENANT', ''],
    ['MASTER_KEYS', 'MASTER_KEYS is not a setting; did you mean MASTER_KEY?'],
    ['CUSTODIA_COLOUR', 'CUSTODIA_COLOUR is not a setting; remove it.'],
    ['CUSTODIA_PORT', 'CUSTODIA_PORT is not a setting; remove it.'],
    ['PATH', ''],
    ['npm_config_yes', ''],
  ]
  for (const [name, line] of unknown) t.same(faults({ [name]: '1' }), line === '' ? [] : [line], name)
})

t.test('what Kubernetes and systemd put into every environment is not taken for ours', async (t) => {
  const env = {
    CUSTODIA_SERVICE_HOST: '10.0.0.1',
    CUSTODIA_SERVICE_PORT: '3000',
    CUSTODIA_SERVICE_PORT_HTTP: '3000',
    CUSTODIA_PORT: 'tcp://10.0.0.1:3000',
    DATABASE_PORT_5432_TCP: 'tcp://10.0.0.2:5432',
    DATABASE_PORT_5432_TCP_ADDR: '10.0.0.2',
    LOG_NAMESPACE: 'hub',
  }
  t.same(faults(env), [])
})

t.test('the master key comes from the environment, or is made once and kept to its owner', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'custodia-config-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const dataDir = join(folder, 'data')
  t.same(loadMasterKey({ masterKey: key, dataDir }), Buffer.alloc(32, 7))

  const made = loadMasterKey({ masterKey: undefined, dataDir })
  t.equal(made.length, 32)
  t.same(loadMasterKey({ masterKey: undefined, dataDir }), made)
  const file = join(dataDir, 'master.key')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(readFileSync(file, 'utf8').trim(), made.toString('base64'))
  t.same(readdirSync(dataDir), ['master.key'], 'no draft is left')

  writeFileSync(file, 'not a key')
  t.throws(() => loadMasterKey({ masterKey: undefined, dataDir }), {
    name: 'ConfigError',
    message: /restore it from a/,
  })
})
