/**
 * How far a misspelt name is from the one that was meant.
 */

/** The longest name that is compared, in characters. */
const MAX_LENGTH = 64

/** One character in so many may be wrong. */
const CHARACTERS_PER_MISTAKE = 3

/**
 * The name that a misspelt one was probably meant to be: the one with the fewest mistakes, the first
 * of several. `undefined` when each has more than one mistake in three characters.
 */
export function closestName(misspelt: string, names: readonly string[]): string | undefined {
  let closest: string | undefined
  let fewest = Infinity
  for (const name of names) {
    const mistakes = mistakesIn(misspelt, name)
    const allowed = Math.max(misspelt.length, name.length) / CHARACTERS_PER_MISTAKE
    if (mistakes <= allowed && mistakes < fewest) {
      closest = name
      fewest = mistakes
    }
  }
  return closest
}

/**
 * The fewest mistakes that make the one name of the other: a character too many, missing, or wrong,
 * or two that changed places (the optimal string alignment distance). Case, `-` and `_` do not count.
 */
export function mistakesIn(misspelt: string, name: string): number {
  if (misspelt.length > MAX_LENGTH || name.length > MAX_LENGTH) return Infinity
  const [from, to] = [letters(misspelt), letters(name)]
  let [before, last] = [[] as number[], Array.from({ length: to.length + 1 }, (_, at) => at)]
  for (let row = 1; row <= from.length; row++) {
    const next = [row]
    for (let at = 1; at <= to.length; at++) {
      const replacement = from[row - 1] === to[at - 1] ? 0 : 1
      const haveChanged = from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1]
      next[at] = Math.min(
        (last[at] as number) + 1,
        (next[at - 1] as number) + 1,
        (last[at - 1] as number) + replacement,
        haveChanged ? (before[at - 2] as number) + 1 : Infinity
      )
    }
    ;[before, last] = [last, next]
  }
  return last[to.length] as number
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '')
}
