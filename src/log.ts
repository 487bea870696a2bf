import { createRequire } from 'node:module'
import { type DestinationStream, type Logger, pino } from 'pino'
import type { Config } from './config.ts'

/**
 * JSON logs in which no personal value can appear: of an error only its kind, code and place are written, since its
 * message may repeat a value; of a request nothing but what the guard names.
 */
export function createLog(
  config: Pick<Config, 'logLevel' | 'logPretty'>,
  isTerminal: boolean,
  destination?: DestinationStream,
): Logger {
  const pretty = (config.logPretty ?? isTerminal) && hasPretty()
  const options = {
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: plainFields },
    hooks: { logMethod: withoutErrorMessages },
    serializers: { err: errorFields, error: errorFields },
    ...(pretty ? { transport: { target: 'pino-pretty', options: { translateTime: 'SYS:HH:MM:ss' } } } : {}),
  }
  return destination ? pino(options, destination) : pino(options)
}

/**
 * Only errors, which have their own form, and plain values: libraries log whole objects (one logs the headers of an
 * upload, the token among them), of which nobody knows what is in them.
 */
function plainFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => isError(name, value) || typeof value !== 'object'),
  )
}

const isError = (name: string, value: unknown): boolean => name === 'err' || name === 'error' || value instanceof Error

/** A library that logs an error, or an error's message as its own, would repeat what the message repeats. */
function withoutErrorMessages(this: Logger, args: unknown[], method: (...args: unknown[]) => void): void {
  const [first, message, ...rest] = args
  const error = first instanceof Error ? first : fieldsOf(first).err
  if (error instanceof Error && (message === undefined || message === error.message))
    method.apply(this, [{ ...(first instanceof Error ? {} : fieldsOf(first)), err: error }, 'an error'])
  else method.apply(this, [first, message, ...rest].slice(0, args.length))
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

/** What may be said of an error: never its message, a query, a parameter or a detail of the database. */
export function errorFields(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, routine, constraint, table, schema } = error as Error & Record<string, unknown>
  const stack = error.stack ?? ''
  // The stack repeats the message, which may hold lines that look like frames.
  const frames = stack
    .slice(stack.includes(error.message) ? stack.indexOf(error.message) + error.message.length : 0)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
    .slice(0, 12)
  return {
    type: error.name,
    ...Object.fromEntries(
      Object.entries({ code, routine, constraint, table, schema }).filter(([, value]) => typeof value === 'string'),
    ),
    stack: frames,
    ...(error.cause && depth < 5 ? { cause: errorFields(error.cause, depth + 1) } : {}),
  }
}

/** A development dependency: absent in a production image. */
function hasPretty(): boolean {
  try {
    createRequire(import.meta.url).resolve('pino-pretty')
    return true
  } catch {
    return false
  }
}
