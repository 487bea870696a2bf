/** What a request did with one resource: whose fields were shown or masked, which were changed. */
export interface TouchedPart {
  resource: string
  ids: string[]
  shown: string[]
  masked: string[]
  changed?: string[]
  /** The version that a change led to. */
  version?: number
}

/** The names in an event, as they are kept: apart from its ids, since the same ones come again and again. */
export interface ShapePart {
  resource: string
  shown: string[]
  masked: string[]
  changed?: string[]
}

/**
 * An event's shape and ids put together again; audit.touched and audit.subjects in the database do the same for views.
 * @param counts how many of the ids each part has; null: there is one part and all are its
 * @param versions by part; null where a part has none
 */
export function expand(
  shape: readonly ShapePart[],
  ids: readonly string[],
  counts: readonly number[] | null,
  versions: readonly (number | null)[] | null,
): { touched: TouchedPart[]; subjectIds: string[] } {
  let from = 0
  const touched = shape.map(({ resource, shown, masked, changed }, i): TouchedPart => {
    const to = counts ? from + (counts[i] ?? 0) : ids.length
    const own = ids.slice(from, to)
    from = to
    const version = versions?.[i]
    return {
      resource,
      ids: own,
      shown,
      masked,
      ...(changed ? { changed } : {}),
      ...(version === undefined || version === null ? {} : { version }),
    }
  })
  const contacts = touched.flatMap((part) => (part.resource === 'contacts' ? part.ids : []))
  return { touched, subjectIds: [...new Set([...contacts, ...(counts ? ids.slice(from) : [])])] }
}
