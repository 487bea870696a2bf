import { type ErrorTable, rows } from '../errors.ts'

/**
 * The codes of the Send API beside those that all of Meta's products have. 10 is a missing permission unless its subcode
 * says that the window is closed. Source: Meta, Messenger Platform "Common error codes".
 */
export const MESSAGING_ERRORS: ErrorTable = new Map([
  ...rows('window_closed', ['10/2018278', '10/2018065', '10/2534022', '100/2534022']),
  // The person takes no messages from this page.
  ...rows('opted_out', ['10/2018108', '200/2018108']),
  // Not available right now: blocked us, left, or may not be written to. Nobody can tell which.
  ...rows('permanent', ['200/1545041', '200/2018028', 551]),
  ...rows('limit', ['613/1893016', '4/2018354', '9/2018352', 2022]),
  ...rows('reauthorise', ['2/2018344']),
  ...rows('transient', [1200, 80001, 80002, 80006]),
])
