/**
 * The environment, read once and strictly: a setting that is unknown or wrong stops the start with one line that says
 * what to do, since a service that guesses at its configuration is found out in production.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { z } from 'zod'
import type { BucketSettings } from './privacy/bucket-client.ts'
import { unknownNames } from './setting-names.ts'
import {
  acceptedLoss,
  addressRange,
  bucketUrl,
  databaseUrl,
  email,
  host,
  isKey,
  list,
  masterKey,
  oneOf,
  origin,
  publicUrl,
  setting,
  token,
  truth,
  wholeNumber,
  words,
} from './setting-values.ts'

const settings = z.strictObject({
  PORT: setting(wholeNumber(0, 65_535), 3000),
  HOST: setting(host, '127.0.0.1'),
  PUBLIC_URL: setting(publicUrl, undefined),
  ALLOWED_ORIGINS: setting(list(origin), []),
  TRUSTED_PROXIES: setting(list(addressRange), []),
  DATABASE_URL: setting(databaseUrl, undefined),
  DATABASE_APP_URL: setting(databaseUrl, undefined),
  DATABASE_POOL_SIZE: setting(wholeNumber(1, 500), 10),
  DATA_DIR: setting(words(1, 4096), '.data'),
  CHECKPOINT_DIR: setting(words(1, 4096), undefined),
  AUDIT_ACCEPT_LOSS: setting(list(acceptedLoss), []),
  AUDIT_RETENTION_MONTHS: setting(wholeNumber(0, 1200), 0),
  OWNER_EMAIL: setting(email, 'owner@example.com'),
  OWNER_PASSWORD: setting(words(8, 1024), undefined),
  TENANT_NAME: setting(words(1, 200), 'Default'),
  MASTER_KEY: setting(masterKey, undefined),
  METRICS_TOKEN: setting(words(16, 512), undefined),
  LOG_LEVEL: setting(oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), 'info'),
  LOG_PRETTY: setting(truth, undefined),
  RATE_LIMIT_PER_MINUTE: setting(wholeNumber(0, 1_000_000_000), 6000),
  OUTBOUND_ALLOW_PRIVATE: setting(truth, false),
  WORKER_CONCURRENCY: setting(wholeNumber(1, 100), 4),
  ATTACHMENT_BUCKET_URL: setting(bucketUrl, undefined),
  ATTACHMENT_BUCKET_REGION: setting(token, undefined),
  ATTACHMENT_BUCKET_KEY_ID: setting(token, undefined),
  ATTACHMENT_BUCKET_SECRET: setting(token, undefined),
  ATTACHMENT_MAX_BYTES: setting(wholeNumber(1, 2 ** 30), 25 * 2 ** 20),
  SHUTDOWN_TIMEOUT_SECONDS: setting(wholeNumber(1, 600), 30),
})

/** The names of all settings, as they stand in the environment. */
export const settingNames: readonly string[] = Object.freeze(Object.keys(settings.shape))

const secrets = new Set([
  'databaseUrl',
  'databaseAppUrl',
  'ownerPassword',
  'masterKey',
  'metricsToken',
  'attachmentBucket',
])

/** What the service runs with; frozen. Its secrets are plain strings that neither JSON nor the inspector prints. */
export type Config = ReturnType<typeof named>

/** Thrown when the environment does not describe a service that can start; `lines` holds one sentence per fault. */
export class ConfigError extends Error {
  readonly lines: readonly string[]
  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'ConfigError'
    this.lines = lines
  }
}

/**
 * Reads the settings. An empty text counts as unset; relative folders are taken from `projectDir`.
 * @throws {ConfigError} naming every fault at once
 */
export function parseConfig(env: Record<string, string | undefined>, projectDir: string): Config {
  const given = Object.fromEntries(settingNames.map((name) => [name, env[name] || undefined]))
  const parsed = settings.safeParse(given)
  const lines = (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}.`)

  // Held against each other here and not in the schema, whose joint checks stay silent while one setting is wrong.
  if (given.DATABASE_URL !== undefined && given.MASTER_KEY === undefined) {
    lines.push(
      'MASTER_KEY is required when DATABASE_URL is set; make one with `openssl rand -base64 32` and keep it safe.',
    )
  }
  if (given.DATABASE_APP_URL !== undefined && given.DATABASE_URL === undefined) {
    lines.push(
      'DATABASE_APP_URL needs DATABASE_URL, the same database with a login that may migrate; set both or none.',
    )
  }
  const missing = bucketNames.filter((name) => given[name] === undefined)
  if (missing.length > 0 && missing.length < bucketNames.length)
    lines.push(`${missing.join(', ')} must be set too, since a bucket needs all of ${bucketNames.join(', ')}.`)
  lines.push(...unknownNames(env, settingNames))
  if (parsed.data === undefined || lines.length > 0) throw new ConfigError(lines)
  return guarded(named(parsed.data, projectDir))
}

const bucketNames = [
  'ATTACHMENT_BUCKET_URL',
  'ATTACHMENT_BUCKET_REGION',
  'ATTACHMENT_BUCKET_KEY_ID',
  'ATTACHMENT_BUCKET_SECRET',
] as const

/** All of the bucket's settings, or none of them. */
function bucketOf(given: Pick<z.output<typeof settings>, (typeof bucketNames)[number]>): BucketSettings | undefined {
  const {
    ATTACHMENT_BUCKET_URL: url,
    ATTACHMENT_BUCKET_REGION: region,
    ATTACHMENT_BUCKET_KEY_ID: keyId,
    ATTACHMENT_BUCKET_SECRET: secret,
  } = given
  if (url === undefined || region === undefined || keyId === undefined || secret === undefined) return undefined
  return Object.freeze({ url, region, keyId, secret })
}

function named(given: z.output<typeof settings>, projectDir: string) {
  const dataDir = resolve(projectDir, given.DATA_DIR)
  const hostInUrl = isIPv6(given.HOST) ? `[${given.HOST}]` : given.HOST
  return {
    port: given.PORT,
    host: given.HOST,
    /** Without a slash at the end. */
    publicUrl: given.PUBLIC_URL ?? `http://${hostInUrl}:${given.PORT}`,
    allowedOrigins: Object.freeze(given.ALLOWED_ORIGINS),
    trustedProxies: Object.freeze(given.TRUSTED_PROXIES),
    /** Undefined: the embedded server. */
    databaseUrl: given.DATABASE_URL,
    /** Undefined: the login that the migrations make. */
    databaseAppUrl: given.DATABASE_APP_URL,
    databasePoolSize: given.DATABASE_POOL_SIZE,
    /** Absolute. */
    dataDir,
    /** Absolute. Best on another disk or machine than the database. */
    checkpointDir: resolve(projectDir, given.CHECKPOINT_DIR ?? join(dataDir, 'checkpoints')),
    /** Sealed events that the database came back without, and that an operator has given up. */
    auditAcceptLoss: Object.freeze(given.AUDIT_ACCEPT_LOSS),
    /** How long audit events are kept at least; 0: for ever. An operator drops what is older. */
    auditRetentionMonths: given.AUDIT_RETENTION_MONTHS,
    ownerEmail: given.OWNER_EMAIL,
    /** Undefined: generate one and print it once. */
    ownerPassword: given.OWNER_PASSWORD,
    tenantName: given.TENANT_NAME,
    /** Base64 of 32 bytes. Undefined: in `dataDir`; `loadMasterKey` reads either. */
    masterKey: given.MASTER_KEY,
    /** Bearer of /metrics. Undefined: loopback only. */
    metricsToken: given.METRICS_TOKEN,
    logLevel: given.LOG_LEVEL,
    /** Undefined: pretty when the output is a terminal. */
    logPretty: given.LOG_PRETTY,
    /** Per principal; 0 = no limit. */
    rateLimitPerMinute: given.RATE_LIMIT_PER_MINUTE,
    outboundAllowPrivate: given.OUTBOUND_ALLOW_PRIVATE,
    workerConcurrency: given.WORKER_CONCURRENCY,
    /** Undefined: attachments lie in `dataDir`. */
    attachmentBucket: bucketOf(given),
    attachmentMaxBytes: given.ATTACHMENT_MAX_BYTES,
    shutdownTimeoutSeconds: given.SHUTDOWN_TIMEOUT_SECONDS,
  } as const
}

function guarded<Plain extends object>(plain: Plain): Readonly<Plain> {
  const shown = ([name, value]: [string, unknown]) => [name, secrets.has(name) && value ? '[secret]' : value]
  const printable = () => Object.fromEntries(Object.entries(plain).map(shown))
  Object.defineProperties(plain, { toJSON: { value: printable }, [inspect.custom]: { value: printable } })
  return Object.freeze(plain)
}

/**
 * The 32 bytes that wrap all other keys: `MASTER_KEY`, or else `master.key` in the data folder, made when missing.
 * @throws {ConfigError} when the file does not hold a key
 */
export function loadMasterKey(config: Pick<Config, 'masterKey' | 'dataDir'>): Buffer {
  const file = join(config.dataDir, 'master.key')
  const text = config.masterKey ?? secretFile(file, () => randomBytes(32).toString('base64'))
  if (isKey(text)) return Buffer.from(text, 'base64')
  throw new ConfigError([`${file} must hold 32 bytes in base64; restore it from a backup: it opens the stored data.`])
}

/** The text of a file of mode 0600, which is made when missing; of two processes at once, both get the first one's. */
export function secretFile(file: string, make: () => string): string {
  if (!existsSync(file)) {
    makeDataDir(dirname(file))
    const draft = `${file}.${randomBytes(6).toString('hex')}`
    writeFileSync(draft, make(), { mode: 0o600, flag: 'wx', flush: true })
    try {
      // A link appears whole, and only if there is none, so that nobody reads half a secret.
      linkSync(draft, file)
    } catch (error) {
      if (!existsSync(file)) throw error
    } finally {
      rmSync(draft)
    }
  }
  return readFileSync(file, 'utf8').trim()
}

/** Makes the data folder. Root's may be entered, though not listed, by others: its database runs as another user. */
export function makeDataDir(dataDir: string): void {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700
  // chmod, as the mode given to mkdir is cut by the umask.
  if (mkdirSync(dataDir, { recursive: true, mode }) !== undefined) chmodSync(dataDir, mode)
}
