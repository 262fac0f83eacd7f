/**
 * What the lifecycle did to a request, as other plugins read it.
 */

/** What the lifecycle did to a request. */
export interface LifecycleFact {
  /** The phase in which the request was cut or refused. */
  readonly phase: string
}

declare module '@holdfast/core' {
  interface RequestFacts {
    lifecycle?: LifecycleFact | undefined
  }
  interface Refusers {
    lifecycle: true
  }
}
