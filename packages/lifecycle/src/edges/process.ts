/**
 * What reaches the process and concerns every app in it. However many apps there are, the process
 * has one listener for each event, and none when the last app has closed.
 */
import { addMember, allMembers, type Member, removeMember } from './apps.ts'
import { arrangeErrorListeners, ERROR_EVENTS } from './crashes.ts'
import { nameOf } from './function-name.ts'
import { unwatchOtherEnds, watchOtherEnds } from './other-ends.ts'
import { isOwn, listen, otherListeners, unlistenAll } from './process-listeners.ts'
import { forgetSignal, onSignal } from './signals.ts'

/** The events whose other listeners were named. */
const named = new Set<string>()

/** Adds an app to those of the process. Returns the function that removes it. */
export function register(member: Member): () => void {
  addMember(member, releaseProcess)
  for (const signal of member.signals) listen(signal, onSignal)
  if (member.watched) watchOtherEnds()
  arrangeErrorListeners()
  listen('newListener', onNewListener)
  listen('removeListener', onRemoveListener)
  return () => removeMember(member)
}

/** Warns of others that listen to what an app listens to, once for each event. */
export function warnOfOthers(member: Member): void {
  const signals = unnamed(member.signals)
  if (signals.length > 0) {
    member.warn(
      `others listen to ${signals.join(', ')} too: ${namesOf(signals)}. They may close the app or exit before its drain is over. Remove them; or set the option signals: false, and let them call app.lifecycle.shutdown().`
    )
  }
  if (member.errors !== 'drain-if-alone') return
  const events = unnamed(ERROR_EVENTS)
  if (events.length > 0) {
    member.warn(
      `others listen to ${events.join(', ')}: ${namesOf(events)}. Such errors are left to them, and shut nothing down. Set the option errors: 'drain' to shut down all the same, or errors: 'leave' to agree.`
    )
  }
}

function unnamed(events: readonly string[]): string[] {
  const others = events.filter((event) => !named.has(event) && otherListeners(event).length > 0)
  for (const event of others) named.add(event)
  return others
}

function namesOf(events: readonly string[]): string {
  return [...new Set(events.flatMap(otherListeners).map(nameOf))].join(', ')
}

/** Node tells of it just before somebody listens. */
function onNewListener(name: string | symbol, listener: unknown): void {
  const event = String(name)
  if (isOwn(event, listener)) return
  arrangeErrorListeners(event)
  // Whoever adds one listener often adds several.
  setImmediate(() => {
    for (const member of allMembers()) if (member.booted) warnOfOthers(member)
  }).unref()
}

function onRemoveListener(name: string | symbol, listener: unknown): void {
  if (!isOwn(String(name), listener)) arrangeErrorListeners()
}

function releaseProcess(): void {
  unlistenAll()
  unwatchOtherEnds()
  forgetSignal()
  named.clear()
}
