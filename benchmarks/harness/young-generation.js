/**
 * Fills both halves of the young generation once. A page that is touched for the first time costs
 * more than the calls that fill it, and an engine that allocates little would touch new ones all the time.
 */
export function touchYoungGeneration() {
  const OBJECTS = 5_000_000
  let last = {}
  for (let count = 0; count < OBJECTS; count++) last = { count, bytes: [count, count, count] }
  return last
}
