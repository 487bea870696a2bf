import { type ErrorTable, rows } from '../meta/errors.ts'

/** The codes of the Cloud API beside those that all of Meta's products have. Source: Meta, Cloud API error codes. */
export const WHATSAPP_ERRORS: ErrorTable = new Map([
  ...rows('window_closed', [131047, 470]),
  ...rows('opted_out', [131050]),
  ...rows('limit', [131048, 131049, 131064, 130497]),
  ...rows('reauthorise', [0, 131005, 131031, 131042, 131045, 133010, 133015]),
  ...rows('transient', [80007, 130429, 131000, 131016, 131056, 131057, 133004, 133016]),
])
