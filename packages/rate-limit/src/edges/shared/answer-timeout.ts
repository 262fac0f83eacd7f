/**
 * How long answers are waited for. What was asked in one tick of the event loop is given up together,
 * by one deadline, which starts when the tick is over, and which a late event loop does not shorten:
 * what keeps this process busy is not the fault of whoever is asked.
 */
import { type Deadline, startDeadline } from '@holdfast/core'

/** Hears once what became of a question. `tick` is the same for all that were asked in one tick. */
export type Ended = (isAnswered: boolean, tick: object, error?: unknown) => void

/** Waits for answers, each for the same time. */
export class AnswerTimeout {
  readonly #timeout: number
  /** The present tick, once something was asked in it. */
  #tick: Tick | undefined

  /** @param timeout milliseconds */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  /** The answer, or `undefined` where there is none in time. Never rejects. */
  answerTo<Answer>(ask: () => Promise<Answer>, ended: Ended): Promise<Answer | undefined> {
    const tick = this.#tick ?? this.#begin()
    return new Promise((resolve) => {
      let isOver = false
      const end = (isAnswered: boolean, answer?: Answer, error?: unknown): void => {
        if (isOver) return
        isOver = true
        tick.end()
        ended(isAnswered, tick, error)
        resolve(answer)
      }
      tick.add(() => end(false))
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
    const tick = new Tick()
    this.#tick = tick
    setImmediate(() => {
      this.#tick = undefined
      tick.start(this.#timeout)
    })
    return tick
  }
}

/** The questions of one tick of the event loop, and the deadline that gives them up. */
class Tick {
  readonly #giveUps: (() => void)[] = []
  #waiting = 0
  #deadline: Deadline | undefined

  /** Takes in a question, and what gives it up. */
  add(giveUp: () => void): void {
    this.#giveUps.push(giveUp)
    this.#waiting++
  }

  start(timeout: number): void {
    if (this.#waiting > 0) this.#deadline = startDeadline(timeout, () => this.#giveUp())
  }

  /** Takes note that a question is over. */
  end(): void {
    this.#waiting--
    if (this.#waiting === 0) this.#deadline?.clear()
  }

  #giveUp(): void {
    for (const giveUp of this.#giveUps) giveUp()
  }
}
