/**
 * The symbols under which pino keeps what is private to it, found by their descriptions, because each
 * copy of pino has its own. Whatever is not found is unknown, and its callers do without.
 */

/** What pino keeps under its symbols. */
export type PinoState = Readonly<Record<symbol, unknown>>

/** Returns the symbols of a logger and of what it derives from, by their descriptions. */
export function symbolsOf(logger: object): ReadonlyMap<string | undefined, symbol> {
  const found = new Map<string | undefined, symbol>()
  for (let holder: object = logger; holder !== null; holder = Object.getPrototypeOf(holder)) {
    for (const symbol of Object.getOwnPropertySymbols(holder)) {
      if (!found.has(symbol.description)) found.set(symbol.description, symbol)
    }
  }
  return found
}

/**
 * Returns the symbol of a logger's bindings: text that follows the time on each of its lines,
 * `,"pid":1,"tenant":"acme"`. `undefined` when the logger is not pino.
 */
export function bindingsSymbolOf(logger: object): symbol | undefined {
  return symbolsOf(logger).get('pino.chindings')
}

/** Whether pino has other ways to write some of the fields, as it has for `redact`. */
export function hasStringifiers(state: PinoState, stringifiers: symbol): boolean {
  return Reflect.ownKeys(state[stringifiers] as object).length > 0
}

/**
 * Whether code of the application's runs while a line is written, and may ask for the async context:
 * a mixin, a formatter or a hook of pino's; all of a logger of another make.
 */
export function mayReadContext(logger: object): boolean {
  const symbols = symbolsOf(logger)
  const [mixin, formatters, hooks] = ['pino.mixin', 'pino.formatters', 'pino.hooks'].map((name) => {
    const symbol = symbols.get(name)
    return symbol && (logger as PinoState)[symbol]
  })
  if (formatters === undefined || hooks === undefined) return true
  const { log } = formatters as { readonly log?: unknown }
  return [mixin, log, ...Object.values(hooks as object)].some((code) => code !== undefined)
}
