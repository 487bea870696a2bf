/**
 * Every error that the API can answer: code, HTTP status, public text. The list is closed; a test holds the OpenAPI
 * document and the README against it. What went wrong inside goes to the log (`cause`), never into the answer.
 */
export const catalogue = {
  invalid_request: [400, 'The request is not valid.'],
  malformed_json: [400, 'The body is not valid JSON.'],
  invalid_cursor: [400, 'The cursor does not belong to this request.'],
  unauthenticated: [401, 'A valid access token or API key is needed.'],
  invalid_credentials: [401, 'The email or the password is wrong.'],
  invalid_signature: [401, 'The signature does not verify.'],
  forbidden: [403, 'This is not allowed.'],
  purpose_required: [403, 'A purpose must be named for this.'],
  not_found: [404, 'There is no such record.'],
  content_missing: [404, 'There is no such file: it could not be fetched, was refused, or was taken back.'],
  route_not_found: [404, 'There is no such path.'],
  method_not_allowed: [405, 'The path does not know this method.'],
  conflict: [409, 'The request conflicts with the record’s current state.'],
  already_exists: [409, 'Such a record exists already.'],
  in_use: [409, 'The record is in use.'],
  content_pending: [409, 'The file has not been fetched yet.'],
  not_sealed: [409, 'It is not sealed yet.'],
  idempotency_in_flight: [409, 'The first request with this Idempotency-Key is still being worked on.'],
  gone: [410, 'The record was merged or erased.'],
  erased: [410, 'The person was erased.'],
  version_mismatch: [412, 'The record has changed since: If-Match does not match.'],
  body_too_large: [413, 'The body is too large.'],
  unsupported_media_type: [415, 'The body’s content type is not supported.'],
  range_not_satisfiable: [416, 'The range lies outside the file.'],
  file_refused: [422, 'The file is of a kind that is not kept.'],
  unprocessable: [422, 'The request was understood and is refused by a rule.'],
  masked_value: [422, 'A masked value cannot be written back.'],
  idempotency_mismatch: [422, 'This Idempotency-Key was used with another request.'],
  held: [422, 'A legal hold forbids erasing.'],
  last_owner: [422, 'The tenant must keep one active owner.'],
  window_closed: [422, 'The provider’s reply window is closed.'],
  quota_exceeded: [429, 'The quota for clear values is used up for today.'],
  if_match_required: [428, 'If-Match is required here.'],
  rate_limited: [429, 'Too many requests.'],
  internal: [500, 'Something went wrong on our side.'],
  unavailable: [503, 'The service cannot answer now; try again.'],
} as const satisfies Record<string, readonly [number, string]>

export type ErrorCode = keyof typeof catalogue

/** One fault inside a request: a JSON pointer into the body, or the name of a parameter. */
export interface Fault {
  path: string
  code: string
  message: string
}

export interface ProblemOptions {
  /** Public: said to the caller. Never holds a value that the caller did not send or may not see. */
  detail?: string
  errors?: readonly Fault[]
  /** Extra public members, such as mergedIntoId. */
  extra?: Readonly<Record<string, unknown>>
  headers?: Readonly<Record<string, string>>
  /** Internal: logged, never answered. */
  cause?: unknown
  /** The refusal is in the audit already. */
  audited?: boolean
  /** The records that the refused attempt named. */
  recordIds?: readonly string[]
  /** The fields that it asked for and did not get, and the contacts that it is about; for the audit. */
  refused?: { fields: readonly string[]; subjectIds: readonly string[] }
}

/** Thrown anywhere, answered as RFC 9457 problem+json. */
export class Problem extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly options: ProblemOptions

  constructor(code: ErrorCode, options: ProblemOptions = {}) {
    super(catalogue[code][1], { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.status = catalogue[code][0]
    this.options = options
  }
}
