import { createRequire } from 'node:module'
import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'

/**
 * JSON logs in which no personal value can appear: of an error only its kind, code and place are written, since its
 * message may repeat a value; of a request nothing but what the guard names.
 */
export function createLog(config: Pick<Config, 'logLevel' | 'logPretty'>, isTerminal: boolean): Logger {
  const pretty = (config.logPretty ?? isTerminal) && hasPretty()
  return pino({
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: errorFields, error: errorFields },
    ...(pretty ? { transport: { target: 'pino-pretty', options: { translateTime: 'SYS:HH:MM:ss' } } } : {}),
  })
}

/** What may be said of an error: never its message, a query, a parameter or a detail of the database. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, routine, constraint, table, schema } = error as Error & Record<string, unknown>
  const frames = (error.stack ?? '')
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
    ...(error.cause ? { cause: errorFields(error.cause) } : {}),
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
