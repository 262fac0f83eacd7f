/**
 * What did not finish in time, as one line of the log names it.
 */

/** The longest list of one line, in characters. Collectors of logs cut long lines, or lose them. */
const MAX_LIST_LENGTH = 65_536

/** Returns as many of the items, from the first on, as fit into one line of the log. */
export function fittingOneLine<Item extends object>(items: readonly Item[]): Item[] {
  const fitting: Item[] = []
  let length = 0
  for (const item of items) {
    length += JSON.stringify(item).length
    if (length > MAX_LIST_LENGTH) break
    fitting.push(item)
  }
  return fitting
}
