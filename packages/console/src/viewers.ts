/**
 * The pages that watch: one reading a second for all of them, and none while nobody watches.
 */

/** A page that watches. */
export interface Viewer {
  /** Whether it has not taken yet what it was sent. */
  readonly isSlow: boolean
  send(frame: string): void
  end(): void
}

/** What the viewers need of the outside. */
export interface ViewersSeams {
  /** Makes what all viewers are sent. */
  readonly frame: () => string
  /** Calls `tick` once a second until the returned function is called. */
  readonly begin: (tick: () => void) => () => void
}

/** The most pages that may watch one process. */
export const MAX_VIEWERS = 16

/** A viewer that takes nothing for so many ticks has lost its place. */
const MAX_SKIPPED = 60

/** Sends all viewers the same frame at the same time. */
export class Viewers {
  readonly #seams: ViewersSeams
  /** Each with the number of ticks that it was left out of in a row. */
  readonly #skipped = new Map<Viewer, number>()
  #stop: (() => void) | undefined
  #isEnded = false

  constructor(seams: ViewersSeams) {
    this.#seams = seams
  }

  get count(): number {
    return this.#skipped.size
  }

  /** Why nobody can join at present, a sentence; `undefined` when somebody can. */
  get refusal(): string | undefined {
    if (this.#isEnded) return 'The service is stopping.'
    if (this.count < MAX_VIEWERS) return undefined
    return `${MAX_VIEWERS} pages watch this process already, and more would cost it too much. Close one of them.`
  }

  /** Adds a viewer, which is sent a frame at once. Look at {@link refusal} before. */
  join(viewer: Viewer): void {
    this.#skipped.set(viewer, 0)
    this.#stop ??= this.#seams.begin(() => this.tick())
    viewer.send(this.#seams.frame())
  }

  /** Removes a viewer that has left. */
  leave(viewer: Viewer): void {
    if (!this.#skipped.delete(viewer) || this.count > 0) return
    this.#stop?.()
    this.#stop = undefined
  }

  /** Sends a frame to all viewers that have taken the one before. */
  tick(): void {
    const frame = this.#seams.frame()
    for (const [viewer, skipped] of this.#skipped) {
      if (!viewer.isSlow) {
        this.#skipped.set(viewer, 0)
        viewer.send(frame)
      } else if (skipped < MAX_SKIPPED) {
        this.#skipped.set(viewer, skipped + 1)
      } else {
        this.leave(viewer)
        viewer.end()
      }
    }
  }

  /** Sends all away, and lets nobody in any more. */
  end(): void {
    this.#isEnded = true
    for (const viewer of [...this.#skipped.keys()]) {
      this.leave(viewer)
      viewer.end()
    }
  }
}
