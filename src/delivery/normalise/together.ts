/**
 * Waits for statements that were sent one behind the other. When one fails, all behind it fail too ("the transaction is
 * aborted"): the first one's error is the one that says why.
 */
export async function together<T extends readonly unknown[] | []>(
  sent: T,
): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  for (const one of await Promise.allSettled(sent)) if (one.status === 'rejected') throw one.reason
  return Promise.all(sent)
}
