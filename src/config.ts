/**
 * The environment, read once and strictly: a setting that is unknown or wrong stops the start with one line that says
 * what to do, since a service that guesses at its configuration is found out in production.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { z } from 'zod'
import { unknownNames } from './setting-names.ts'

/** A setting, of a function that reads its text or throws a `Fault` that says what the text must be. */
function setting<Value, Default>(read: (text: string) => Value, unset: Default) {
  return z
    .string()
    .optional()
    .transform((text, context): Value | Default => {
      if (text === undefined) return unset
      try {
        return read(text)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        context.addIssue({ code: 'custom', message: error.message })
        return z.NEVER
      }
    })
}

class Fault extends Error {}

function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text)
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value
    throw new Fault(`must be a whole number from ${min} to ${max}, not "${text}"`)
  }
}

function oneOf<Value extends string>(...values: Value[]) {
  return (text: string): Value => {
    const known = values.find((value) => value === text)
    if (known !== undefined) return known
    throw new Fault(`must be one of ${values.join(', ')}, not "${text}"`)
  }
}

const truth = (text: string): boolean => oneOf('true', 'false')(text) === 'true'

function words(min: number, max: number) {
  return (text: string): string => {
    if (text.length >= min && text.length <= max) return text
    // Not repeated here: passwords and tokens are among these.
    throw new Fault(`must have ${min} to ${max} characters, not ${text.length}`)
  }
}

function host(text: string): string {
  if (isIP(text) !== 0 || /^[a-z\d]([a-z\d.-]{0,251}[a-z\d])?$/i.test(text)) return text
  throw new Fault(`must be an IP address or a host name without scheme or port, such as 0.0.0.0, not "${text}"`)
}

function publicUrl(text: string): string {
  const url = URL.parse(text)
  const plain = url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}` === ''
  // Links are made by appending a path, so a slash at the end would double.
  if (plain && !text.includes('#') && !text.includes('?')) return url.href.replace(/\/+$/, '')
  throw new Fault('must be an http or https address without login, query or fragment, such as https://hub.example.com')
}

function origin(text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol) && url.origin === text) return text
  throw new Fault(
    `must be exact origins separated by commas (scheme, host, port, nothing after), such as https://app.example.com; "${text}" is not one`,
  )
}

function addressRange(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const widest = isIPv6(address) ? 128 : 32
  const bitsFit = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= widest)
  if (isIP(address) !== 0 && bitsFit && rest.length === 0) return text
  throw new Fault(`must be IP addresses or CIDR ranges separated by commas, such as 10.0.0.0/8; "${text}" is not one`)
}

function list<Entry>(readOne: (text: string) => Entry) {
  return (text: string): Entry[] =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map(readOne)
}

// What is wrong with a secret is told without repeating it.
function databaseUrl(text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1) return text
  throw new Fault('must be a PostgreSQL address that names a database: postgres://login:password@host:5432/database')
}

function masterKey(text: string): string {
  if (isKey(text)) return text
  throw new Fault('must be 32 bytes in base64 (44 characters); make one with `openssl rand -base64 32`')
}

function isKey(text: string): boolean {
  const key = Buffer.from(text, 'base64')
  return key.length === 32 && key.toString('base64') === text
}

function email(text: string): string {
  if (z.email().safeParse(text).success) return text
  throw new Fault(`must be an email address, not "${text}"`)
}

function acceptedLoss(text: string): { tenantId: string; size: number } {
  const [, tenantId, size] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@(\d{1,15})$/.exec(text) ?? []
  if (tenantId !== undefined) return Object.freeze({ tenantId, size: Number(size) })
  throw new Fault(
    `must be tenant ids with the size of the checkpoint that is given up, as the start named them, not "${text}"`,
  )
}

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
  ATTACHMENT_MAX_BYTES: setting(wholeNumber(1, 2 ** 30), 25 * 2 ** 20),
  SHUTDOWN_TIMEOUT_SECONDS: setting(wholeNumber(1, 600), 30),
})

/** The names of all settings, as they stand in the environment. */
export const settingNames: readonly string[] = Object.freeze(Object.keys(settings.shape))

const secrets = new Set(['databaseUrl', 'databaseAppUrl', 'ownerPassword', 'masterKey', 'metricsToken'])

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
  lines.push(...unknownNames(env, settingNames))
  if (parsed.data === undefined || lines.length > 0) throw new ConfigError(lines)
  return guarded(named(parsed.data, projectDir))
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
