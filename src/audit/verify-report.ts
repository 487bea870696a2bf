/** Something that is not as it was sealed. */
export interface Fault {
  tenantId: string
  /** The event concerned; null where none can be named. */
  eventId: string | null
  /** For people, one line. */
  text: string
}

/** Where a check of a tenant writes what it finds. */
export class Report {
  readonly tenantId: string
  readonly #told: (fault: Fault) => void
  /** Events held against their leaves. */
  events = 0
  checkpoints = 0
  faults = 0

  /** What is no fault, and to be known all the same; for people, a line each. */
  readonly remarks: string[] = []

  constructor(tenantId: string, told: (fault: Fault) => void) {
    this.tenantId = tenantId
    this.#told = told
  }

  remark(text: string): void {
    this.remarks.push(text)
  }

  fault(eventId: string | null, text: string): void {
    this.faults++
    this.#told({ tenantId: this.tenantId, eventId, text })
  }
}
