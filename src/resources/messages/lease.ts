/**
 * How long a message counts as being with the provider: longer than a call and the writing down of its result can take.
 * Whoever finds it dispatched after that knows that nobody will write the result any more. In seconds.
 */
export const leaseSeconds = 60
