export type HttpErrorCode = 'blocked_address' | 'timeout_before_send' | 'timeout_after_send' | 'too_large' | 'network'

/**
 * Why there is no answer. `requestSent` decides what may be done next: false means that the other side
 * certainly did not see the request; true, that it may have acted on it.
 * The message never contains the URL, which may carry a token.
 */
export class HttpClientError extends Error {
  readonly code: HttpErrorCode
  readonly requestSent: boolean
  constructor(code: HttpErrorCode, requestSent: boolean, message: string) {
    super(message)
    this.name = 'HttpClientError'
    this.code = code
    this.requestSent = requestSent
  }
}
