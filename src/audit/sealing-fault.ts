/**
 * Something that sealing stands on is not what it was: nothing is signed over it. The code is for the log, where no
 * error's message is written.
 */
export class SealingFault extends Error {
  readonly code: 'sealed_events_lost' | 'tree_changed' | 'signing_key_unusable' | 'shape_changed'
  constructor(code: SealingFault['code'], message: string) {
    super(message)
    this.name = 'SealingFault'
    this.code = code
  }
}
