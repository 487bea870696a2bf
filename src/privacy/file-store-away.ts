import { Problem } from '../errors.ts'

/**
 * The file store does not do what it is asked, and may do so later. That says nothing of the file: whoever asked is told
 * to try again (503), and a job is tried again until it works.
 */
export class FileStoreAway extends Problem {
  /** @param cause for the log */
  constructor(cause: unknown) {
    super('unavailable', { detail: 'The file store does not answer now.', headers: { 'retry-after': '5' }, cause })
    this.name = 'FileStoreAway'
  }
}
