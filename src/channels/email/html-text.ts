/** Beyond this the text of an HTML is not looked for: a message has not so much to say. */
const LENGTH_MAX = 600_000

/**
 * HTML as plain text. The mail parser does it, for a mail whose parts are of both kinds; so it is asked with such a mail.
 * Total: what it does not take has no text.
 */
export async function textOfHtml(html: string): Promise<string> {
  const { default: PostalMime } = await import('postal-mime')
  const part = (type: string, body: string) =>
    `--html-to-text\r\ncontent-type: ${type}; charset=utf-8\r\ncontent-transfer-encoding: base64\r\n\r\n${Buffer.from(body).toString('base64')}\r\n`
  const mail = `content-type: multipart/mixed; boundary="html-to-text"\r\n\r\n${part('text/html', html.slice(0, LENGTH_MAX))}${part('text/plain', '')}--html-to-text--\r\n`
  try {
    const { text } = await PostalMime.parse(mail)
    return text?.trim() ?? ''
  } catch {
    return ''
  }
}
