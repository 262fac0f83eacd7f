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

  constructor(given: unknown) {
    this.fields = fieldsOf(given)
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
    if (Object.hasOwn(this.fields, name)) return name
    for (const key in this.fields) {
      if (key.length === name.length && key.toLowerCase() === name) return key
    }
    return undefined
  }
}

function fieldsOf(given: unknown): Fields {
  if (typeof given !== 'object' || given === null) return {}
  if (Array.isArray(given)) return fromList(given)
  return isIterable(given) ? fromList([...given].flat(1)) : { ...given }
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value
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
