/**
 * How long answers are waited for. What was asked in one turn of the event loop is given up together,
 * by one timer, which starts when the turn is over: what keeps this process busy is not the fault of
 * whoever is asked.
 */

/** What became of a question: called once. `turn` is the same for all that were asked in one turn. */
export type Ended = (isAnswered: boolean, turn: object, error?: unknown) => void

/** Waits for answers, each for the same time. */
export class AnswerTimeout {
  readonly #timeout: number
  #turn: Tick | undefined

  /** @param timeout milliseconds */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  /** The answer, or `undefined` where there is none in time. Never rejects. */
  answerTo<Answer>(ask: () => Promise<Answer>, ended: Ended): Promise<Answer | undefined> {
    const turn = this.#turn ?? this.#begin()
    return new Promise((resolve) => {
      let isOver = false
      const end = (isAnswered: boolean, answer?: Answer, error?: unknown): void => {
        if (isOver) return
        isOver = true
        turn.ended()
        ended(isAnswered, turn, error)
        resolve(answer)
      }
      turn.add(() => end(false))
      try {
        ask().then(
          (answer) => end(true, answer),
          (error) => end(false, undefined, error)
        )
      } catch (error) {
        end(false, undefined, error)
      }
    })
  }

  #begin(): Tick {
    const turn = new Tick()
    this.#turn = turn
    setImmediate(() => {
      this.#turn = undefined
      turn.start(this.#timeout)
    })
    return turn
  }
}

class Tick {
  readonly #giveUps: (() => void)[] = []
  #waiting = 0
  #timer: NodeJS.Timeout | undefined

  add(giveUp: () => void): void {
    this.#giveUps.push(giveUp)
    this.#waiting++
  }

  start(timeout: number): void {
    if (this.#waiting === 0) return
    // A process that was busy finds the answers waiting: they are read before time is called.
    this.#timer = setTimeout(() => setImmediate(() => this.#giveUp()), timeout)
    this.#timer.unref()
  }

  ended(): void {
    this.#waiting--
    if (this.#waiting === 0) clearTimeout(this.#timer)
  }

  #giveUp(): void {
    for (const giveUp of this.#giveUps) giveUp()
  }
}
