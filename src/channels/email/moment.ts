import { fieldOf } from './header-block.ts'
import type { Mail } from './mail.ts'
import { dateOf } from './mime.ts'

/** When the last server took it; the sender's clock only where no server says. */
export function momentOf(mail: Mail): Date | null {
  const received = fieldOf(mail.fields, 'received')
  return dateOf(received?.slice(received.lastIndexOf(';') + 1).trim()) ?? mail.date
}
