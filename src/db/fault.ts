import pg from 'pg'
import { type Fault, Problem } from '../errors.ts'

/**
 * What an error of the database means to the caller: a value that breaks a rule is the request's fault, all else is
 * ours. Null for what is no error of the database. The error itself, which repeats values, is for the log only.
 */
export function databaseFault(error: unknown): Problem | null {
  if (!(error instanceof pg.DatabaseError)) return null
  const code = error.code ?? ''
  if (code === '23505') return new Problem('already_exists', { cause: error })
  if (code === '23503')
    return new Problem('unprocessable', {
      detail: 'A record that the request names does not exist.',
      ...faultsOf(error),
      cause: error,
    })
  if (code.startsWith('22') || code === '23514')
    return new Problem('invalid_request', { detail: 'A value cannot be stored.', cause: error })
  return new Problem('internal', { cause: error })
}

/**
 * Which of the fields names what is not there, as far as the constraint says so by its name: `<table>_tenant_id_<column>_fkey`.
 * What the error itself tells leaves the columns out, under row-level security.
 */
function faultsOf({ constraint = '', table = '' }: pg.DatabaseError): { errors?: Fault[] } {
  const [, column] = /^_tenant_id_((?:(?!_id_)[a-z_])+_id)_fkey$/.exec(constraint.replace(table, '')) ?? []
  if (column === undefined) return {}
  const name = column.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase())
  return { errors: [{ path: `/${name}`, code: 'unknown_reference', message: 'There is no such record.' }] }
}
