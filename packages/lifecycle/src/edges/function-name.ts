/**
 * What a person finds a function by: its name, or the place where it is written.
 */
import type { Debugger, Runtime, Session } from 'node:inspector'

type AnyFunction = (...args: never[]) => unknown

// The inspector is told of a function by a global.
const ASKED = 'holdfast.function-asked-for'
const EXPRESSION = `globalThis[Symbol.for('${ASKED}')]`

/**
 * The name of a function; of one without a name the file and the line, such as
 * `file:///app/server.js:12`, which takes milliseconds to find out; `(anonymous)` where neither is
 * known.
 */
export function nameOf(named: AnyFunction): string {
  return named.name || placeOf(named) || '(anonymous)'
}

function placeOf(named: AnyFunction): string | undefined {
  const global: object = globalThis
  let place: string | undefined
  Reflect.set(global, Symbol.for(ASKED), named)
  try {
    const { Session } = process.getBuiltinModule('node:inspector')
    place = placeIn(new Session())
  } catch {
    // Not allowed, or not built in.
  }
  Reflect.deleteProperty(global, Symbol.for(ASKED))
  return place
}

function placeIn(session: Session): string | undefined {
  const files = new Map<string, string>()
  let place: string | undefined
  session.connect()
  try {
    // Each of these is answered before it returns.
    session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url))
    session.post('Debugger.enable')
    session.post('Runtime.evaluate', { expression: EXPRESSION }, (_error, { result }) => {
      const objectId = result.objectId as string
      session.post('Runtime.getProperties', { objectId }, (_error, { internalProperties }) => {
        const location = locationIn(internalProperties)
        if (location !== undefined) {
          place = `${files.get(location.scriptId)}:${location.lineNumber + 1}`
        }
      })
    })
    return place
  } finally {
    session.disconnect()
  }
}

function locationIn(
  properties: Runtime.InternalPropertyDescriptor[] | undefined
): Debugger.Location | undefined {
  return properties?.find(({ name }) => name === '[[FunctionLocation]]')?.value?.value
}
