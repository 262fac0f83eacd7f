/**
 * The listeners of the process: ours, one for each event however many apps there are, and those of
 * others beside them.
 */

/** Node calls it with a signal, or with an error and where it came from. */
type Listener = (...args: never[]) => void

const own = new Map<string, Listener>()

/** Adds our listener to an event of the process, unless there is one. */
export function listen(event: string, listener: Listener): void {
  if (own.has(event)) return
  own.set(event, listener)
  process.on(event, listener as () => void)
}

/** Removes our listener to an event of the process. */
export function unlisten(event: string): void {
  const listener = own.get(event)
  if (listener === undefined) return
  // Known as ours until it is gone.
  process.off(event, listener as () => void)
  own.delete(event)
}

/** Removes all our listeners. */
export function unlistenAll(): void {
  for (const event of [...own.keys()]) unlisten(event)
}

/** Whether the listener is ours. */
export function isOwn(event: string, listener: unknown): boolean {
  return own.get(event) === listener
}

/** The functions of others that listen to an event of the process. */
export function otherListeners(event: string): readonly Listener[] {
  const others = process.listeners(event as 'exit').filter((listener) => !isOwn(event, listener))
  let harmless = event.startsWith('SIG') ? bystanders() : 0
  return others.filter(({ name }) => name !== '' || --harmless < 0)
}

/**
 * The number of listeners to each signal that belong to `signal-exit`, with which many packages clean
 * up. They have no name, and do nothing where somebody else listens, so they need no warning.
 */
function bystanders(): number {
  const emitter: unknown = Reflect.get(globalThis, Symbol.for('signal-exit emitter'))
  /* c8 ignore next -- where coverage is counted, the test runner has loaded it */
  return Number(Reflect.get(Object(emitter), 'count')) || 0
}
