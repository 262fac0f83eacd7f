/**
 * Limits that several routes share by their `groupId`: one count for each client.
 */
import { describe, InvalidOptionError } from '@holdfast/core/options'
import type { DecisionCounter } from '../decision-counter.ts'
import type { LimitOptions, Mode, PolicyOptions } from '../limit-options.ts'
import { WindowSet } from '../windows.ts'
import type { LimitBackend } from './backend.ts'

/** What all routes of a group share. */
interface LimitGroup {
  readonly backend: LimitBackend
  readonly policies: readonly PolicyOptions[]
  readonly countDenied: boolean
}

/** What the policies of routes must agree on to share one limit. */
const SHARED_OPTIONS = ['max', 'timeWindow', 'algorithm', 'burst', 'strict'] as const

/** The groups of one registration, by their ids. */
export class LimitGroups {
  readonly #groups = new Map<string, LimitGroup>()
  readonly #counters = new Map<string, DecisionCounter>()
  readonly #windows = new Map<string, readonly WindowSet[]>()

  /**
   * The counter of the decisions of a group's routes that have the same mode.
   *
   * @param create makes it for the first of them
   */
  counterOf(groupId: string, mode: Mode, create: () => DecisionCounter): DecisionCounter {
    const id = `${mode} ${groupId}`
    const counter = this.#counters.get(id) ?? create()
    this.#counters.set(id, counter)
    return counter
  }

  /** Whether a route or a limiter has joined the group. */
  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  /** The windows of a group's policies. */
  windowsOf(groupId: string, policies: readonly PolicyOptions[]): readonly WindowSet[] {
    const windows = this.#windows.get(groupId) ?? policies.map(() => new WindowSet())
    this.#windows.set(groupId, windows)
    return windows
  }

  /**
   * The backend of a group that a route joins.
   *
   * @param optionPath names the route's options in errors
   * @param create makes the backend for the first route of the group
   * @throws InvalidOptionError where the route states another limit than the group has
   */
  join(
    groupId: string,
    policies: readonly PolicyOptions[],
    { countDenied }: LimitOptions,
    optionPath: string,
    create: () => LimitBackend
  ): LimitBackend {
    const group = this.#groups.get(groupId)
    if (group === undefined) {
      const backend = create()
      this.#groups.set(groupId, { backend, policies, countDenied })
      return backend
    }
    const agree = (option: string, theirs: unknown, ours: unknown) => {
      if (theirs === ours) return
      const expected = `${describe(theirs)} as on the other routes of the group "${groupId}"`
      throw new InvalidOptionError(`${optionPath}.${option}`, expected, describe(ours))
    }
    agree('countDenied', group.countDenied, countDenied)
    agree('policies', namesOf(group.policies), namesOf(policies))
    policies.forEach((policy, index) => {
      const prefix = policies.length > 1 ? `policies[${index}].` : ''
      for (const option of SHARED_OPTIONS) {
        agree(prefix + option, group.policies[index]?.[option], policy[option])
      }
    })
    return group.backend
  }
}

function namesOf(policies: readonly PolicyOptions[]): string {
  return policies.map(({ name }) => name).join(', ')
}
