/**
 * What the application adds to the line of a request: copied when it is added, bounded, and without
 * the values whose names look like those of secrets.
 */
import { printable, REDACTED } from '@holdfast/core'
import { describeError, type ErrorField } from './error-field.ts'

/** The application's own fields. Values are written as JSON. */
export type LogFields = Readonly<Record<string, unknown>>

const MAX_TEXT_LENGTH = 1024
const MAX_NAME_LENGTH = 128
const MAX_DEPTH = 6
/** Names and values of one request, nested ones counted. */
const MAX_VALUES = 256
/** Characters of one request, names and texts together. */
const MAX_CHARACTERS = 16_384

const SECRET =
  /pass(?:word|wd|phrase|code)|secret|token|authori[sz]ation|cookie|credential|session|(?:api|private|access)[-_ ]?key/i

/** Fields that the application added to one line. */
export class AddedFields {
  /** What is written, by name. */
  readonly values: Record<string, unknown> = {}
  /** The count of names, nested ones included, that are left out because there was too much. */
  dropped = 0
  #values = MAX_VALUES
  #characters = MAX_CHARACTERS
  readonly #secrets: readonly string[]

  /** @param secrets the parts of the request's target that errors among the fields may repeat */
  constructor(secrets: readonly string[] = []) {
    this.#secrets = secrets
  }

  /**
   * Copies fields; the later of two with the same name stands. `reserved` names are left out.
   *
   * @param leftOut told of each reserved name among them
   */
  add(fields: LogFields, reserved: ReadonlySet<string>, leftOut?: (name: string) => void): void {
    // From JavaScript anything may come.
    if (typeof fields !== 'object' || fields === null) return
    this.#copyMembers(fields, this.values, reserved, 0, leftOut)
  }

  #copyMembers(
    from: object,
    to: Record<string, unknown>,
    reserved: ReadonlySet<string>,
    depth: number,
    leftOut?: (name: string) => void
  ): void {
    for (const name of namesOf(from)) {
      if (reserved.has(name) || name === '__proto__') {
        leftOut?.(name)
        continue
      }
      const length = name.length
      if (length > MAX_NAME_LENGTH || this.#values === 0 || this.#characters < length) {
        this.dropped++
        if (this.#values === 0) return
        continue
      }
      this.#values--
      this.#characters -= length
      const value = this.#valueOf(from, name, depth)
      if (value !== undefined) to[printable(name, MAX_NAME_LENGTH)] = value
    }
  }

  #valueOf(from: object, name: string, depth: number): unknown {
    try {
      const value: unknown = Reflect.get(from, name)
      const secret = (typeof value === 'string' || typeof value === 'object') && SECRET.test(name)
      return secret && value !== null ? REDACTED : this.#copy(value, name, depth)
    } catch {
      return 'unreadable'
    }
  }

  #copy(value: unknown, name: string, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
      case 'boolean':
        return value
      case 'bigint':
        return this.#text(String(value))
      case 'object':
        return value === null ? null : this.#copyObject(value, name, depth)
      default:
        return undefined
    }
  }

  #text(value: string): string | undefined {
    const text = printable(value, MAX_TEXT_LENGTH)
    return this.#charge(text.length) ? text : undefined
  }

  #charge(characters: number): boolean {
    if (characters > this.#characters) {
      this.dropped++
      return false
    }
    this.#characters -= characters
    return true
  }

  #copyObject(value: object, name: string, depth: number): unknown {
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
    if (depth === MAX_DEPTH) {
      this.dropped++
      return undefined
    }
    const toJson: unknown = Reflect.get(value, 'toJSON')
    if (typeof toJson === 'function') {
      return this.#copy(Reflect.apply(toJson, value, [name]), name, depth + 1)
    }
    if (Array.isArray(value)) return this.#copyList(value, depth)
    if (value instanceof Error) return this.#error(value)
    const copy: Record<string, unknown> = {}
    this.#copyMembers(value, copy, NONE, depth + 1)
    return copy
  }

  #error(error: Error): ErrorField | undefined {
    const field = describeError(error, true, this.#secrets)
    return this.#charge(JSON.stringify(field).length) ? field : undefined
  }

  #copyList(list: readonly unknown[], depth: number): unknown[] {
    const copy: unknown[] = []
    for (const member of list) {
      if (this.#values === 0) {
        this.dropped++
        break
      }
      this.#values--
      copy.push(this.#copy(member, '', depth + 1) ?? null)
    }
    return copy
  }
}

const NONE: ReadonlySet<string> = new Set()

function namesOf(value: object): string[] {
  try {
    return Object.keys(value)
  } catch {
    return []
  }
}
