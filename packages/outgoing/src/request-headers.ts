/**
 * Headers of a request in the forms that undici takes them in.
 */

/** Headers to add, by name. */
export type AddedHeaders = Readonly<Record<string, string>>

/**
 * Returns the headers of a request with others added: given as an object, as a list of names and values
 * in turn, as an iterable of pairs, or not at all. What is given is not changed.
 */
export function withHeaders(headers: unknown, added: AddedHeaders): unknown {
  if (typeof headers !== 'object' || headers === null) return added
  const names = Object.entries(added).flat()
  if (Array.isArray(headers)) return [...headers, ...names]
  if (isIterable(headers)) return [...[...headers].flat(), ...names]
  return { ...headers, ...added }
}

function isIterable(headers: object): headers is Iterable<unknown> {
  return Symbol.iterator in headers
}
