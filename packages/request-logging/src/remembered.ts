/**
 * What is made of texts that come again and again: the names of routes, policies and breakers.
 */

const MAX_TEXTS = 1000
const MAX_LENGTH = 256

/**
 * Returns a function that makes the same of a text as `make`, and remembers it: of at most a thousand
 * texts, each of at most 256 characters.
 */
export function remembered(make: (text: string) => string): (text: string) => string {
  const made = new Map<string, string>()
  return (text) => {
    let result = made.get(text)
    if (result === undefined) {
      result = make(text)
      if (text.length > MAX_LENGTH) return result
      // Beyond the bound it begins again: there are more texts than names.
      if (made.size === MAX_TEXTS) made.clear()
      made.set(text, result)
    }
    return result
  }
}
