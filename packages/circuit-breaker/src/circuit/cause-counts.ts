/**
 * Why calls failed, as labels with counts. Bounded, and no error is kept: errors hold on to
 * requests and their data.
 */

/** How often each cause occurred, by its label. */
export type Causes = Readonly<Record<string, number>>

const MAX_LABELS = 8
const MAX_LABEL_LENGTH = 64
const REST = 'other'

/** Counts causes by label: the first eight labels by themselves, the rest as `other`. */
export class CauseCounts {
  readonly #counts = new Map<string, number>()

  add(cause: unknown): void {
    const label = labelOf(cause)
    const known = this.#counts.has(label) || this.#counts.size < MAX_LABELS
    const counted = known ? label : REST
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1)
  }

  clear(): void {
    this.#counts.clear()
  }

  toRecord(): Causes {
    return Object.freeze(Object.fromEntries(this.#counts))
  }
}

function labelOf(cause: unknown): string {
  try {
    const label =
      cause instanceof Error ? (codeOf(cause) ?? codeOf(cause.cause) ?? cause.name) : textOf(cause)
    if (typeof label === 'string' && label !== '') return label.slice(0, MAX_LABEL_LENGTH)
  } catch {
    // A getter that throws: a failure without a label is still a failure.
  }
  return 'failure'
}

/** A text stands for itself, an answer (a `Response` of `fetch`) for its status. */
function textOf(cause: unknown): unknown {
  const isAnswer = typeof cause === 'object' && cause !== null && 'status' in cause
  return isAnswer && typeof cause.status === 'number' ? `status ${cause.status}` : cause
}

/** The text under `code`; `fetch` hides it in the cause of a TypeError. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}
