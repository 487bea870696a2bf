/**
 * The Content-Disposition header of a file (RFC 6266): its name in ASCII for old readers, and as it is (RFC 8187).
 * @param name null: no name
 */
export function contentDisposition(kind: 'attachment' | 'inline', name: string | null): string {
  if (name === null || name === '') return kind
  // A quote, a backslash or a percent sign is read in different ways; a slash would be a folder.
  const plain = name.replaceAll(/[^ !#$&-.0-9:;=@A-[\]-~]/g, '_')
  const quoted = `${kind}; filename="${plain}"`
  return plain === name ? quoted : `${quoted}; filename*=UTF-8''${extended(name)}`
}

/** RFC 8187's ext-value: UTF-8, percent-encoded but for attr-char. */
function extended(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
