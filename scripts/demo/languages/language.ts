/** What a talk is about; decides purpose, tags and intent. */
export type Topic = 'delivery' | 'price' | 'return' | 'invoice' | 'stock' | 'change' | 'wholesale' | 'complaint'

/**
 * One dialogue. Lines that begin with "<" are the contact's, those with ">" the member's. They may name {order},
 * {item}, {qty}, {price} and {day}; every beginning of a talk is a talk that makes sense.
 */
export interface Talk {
  topic: Topic
  subject: string
  lines: readonly string[]
}

/** The people of one language: what they are called, where they work, what they say. */
export interface Language {
  /** BCP 47 */
  tag: string
  /** Separated by spaces; "native/latin" where the script is not Latin. Demo people, any likeness is chance. */
  given: string
  family: string
  /** How a full name is written from {given} and {family}. */
  name: string
  /** {family} stands for the founder's name. */
  companies: readonly string[]
  jobs: readonly string[]
  talks: readonly Talk[]
}
