import { untagged } from './html-tags.ts'

/** Beyond this the text of an HTML is not looked for: a message has not so much to say. */
export const HTML_LENGTH_MAX = 600_000

/**
 * HTML as plain text. Tags are taken off by our own hand, since what the mail parser does about links takes the square
 * of their length; the entities and the spaces that are left are the parser's, which is asked with a mail whose parts are
 * of both kinds. Total: what it does not take has no text.
 */
export async function textOfHtml(html: string): Promise<string> {
  const { default: PostalMime } = await import('postal-mime')
  const part = (type: string, body: string) =>
    `--html-to-text\r\ncontent-type: ${type}; charset=utf-8\r\ncontent-transfer-encoding: base64\r\n\r\n${Buffer.from(body).toString('base64')}\r\n`
  const bare = untagged(html.slice(0, HTML_LENGTH_MAX))
  const mail = `content-type: multipart/mixed; boundary="html-to-text"\r\n\r\n${part('text/html', bare)}${part('text/plain', '')}--html-to-text--\r\n`
  try {
    const { text } = await PostalMime.parse(mail)
    return text?.trim() ?? ''
  } catch {
    return ''
  }
}
