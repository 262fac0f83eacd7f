/**
 * The header fields of a request to a dispatcher of undici, whose forms are many: none, an object, a
 * list of names and values in turn, or anything that yields pairs of them.
 */
import type { HeaderFields } from '../call-headers.ts'

type Fields = Record<string, unknown>

/** A copy of header fields that can be added to. */
export class DispatchHeaders implements HeaderFields {
  /** The fields as an object, the one form that every interceptor of undici takes. */
  readonly fields: Fields
  /** The names of the fields that were given, as they were written. */
  readonly #names: readonly string[]

  constructor(given: unknown) {
    const fields = fieldsOf(given)
    this.#names = Object.keys(fields)
    this.fields = copyOf(fields, this.#names)
  }

  get(name: string): string | undefined {
    const key = this.#keyOf(name)
    const value = key === undefined ? undefined : this.fields[key]
    return value === undefined || value === null ? undefined : String(value)
  }

  set(name: string, value: string): void {
    this.fields[this.#keyOf(name) ?? name] = value
  }

  /** The name as it was written. */
  #keyOf(name: string): string | undefined {
    for (const key of this.#names) {
      if (key.length === name.length && key.toLowerCase() === name) return key
    }
    return undefined
  }
}

function fieldsOf(given: unknown): Fields {
  if (typeof given !== 'object' || given === null) return {}
  if (Array.isArray(given)) return fromList(given)
  return isIterable(given) ? fromList([...given].flat(1)) : (given as Fields)
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value
}

/** Not by a spread: V8 takes more than a microsecond to add a field to what that makes. */
function copyOf(fields: Fields, names: readonly string[]): Fields {
  // The one name that cannot be set on a plain object.
  if (Object.hasOwn(fields, '__proto__')) return { ...fields }
  const copy: Fields = {}
  for (const name of names) copy[name] = fields[name]
  return copy
}

function fromList(list: readonly unknown[]): Fields {
  const fields: Fields = Object.create(null)
  for (let index = 0; index < list.length; index += 2) {
    const name = String(list[index])
    const before = fields[name]
    const value = list[index + 1]
    fields[name] = before === undefined ? value : [before, value].flat()
  }
  return fields
}
