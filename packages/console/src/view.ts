/**
 * The console as the service that has it sees it.
 */

/** The console of an app: `app.holdfastConsole`. */
export interface ConsoleView {
  /**
   * Where the page is, `'http://127.0.0.1:9464/'`, once its own listener listens; `undefined` before
   * that, and where the page is mounted on an app.
   */
  readonly url: string | undefined
  /** How many pages are watching. */
  readonly viewers: number
}
