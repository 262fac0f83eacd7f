/**
 * The formats of the text, and which of them an `Accept` header asks for.
 */

/** A format of the text. */
export type Format = 'prometheus' | 'openmetrics'

/** The content types of the formats. */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8'
}

const OPENMETRICS = 'application/openmetrics-text'
const PROMETHEUS: ReadonlySet<string> = new Set(['text/plain', 'text/*', '*/*'])
/** The versions that are asked for and that OpenMetrics 1.0.0 answers. */
const VERSIONS: ReadonlySet<string | undefined> = new Set(['1.0.0', '1', '1.0', undefined])
/** Longer than what any scraper sends; the rest is not read. */
const MAX_LENGTH = 1000

/**
 * Chooses the format by an `Accept` header (RFC 9110, 12.5.1): OpenMetrics where its version 1.0.0 is
 * wanted at least as much as the older text; the older text in every other case, since whoever can read
 * neither is best served with what people can read.
 */
export function formatOf(accept: string | undefined): Format {
  if (accept === undefined) return 'prometheus'
  let openmetrics = 0
  let prometheus = 0
  for (const range of accept.slice(0, MAX_LENGTH).toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const quality = Number(parameter(parameters, 'q') ?? 1)
    if (type === OPENMETRICS && VERSIONS.has(parameter(parameters, 'version'))) {
      openmetrics = Math.max(openmetrics, quality)
    } else if (PROMETHEUS.has(type)) {
      prometheus = Math.max(prometheus, quality)
    }
  }
  return openmetrics > 0 && openmetrics >= prometheus ? 'openmetrics' : 'prometheus'
}

function parameter(parameters: readonly string[], name: string): string | undefined {
  return parameters.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1)
}
