/**
 * An intake listener that books every request, and what became of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientErrorFact, Ending, IntakeListener } from '@holdfast/core'
import { factsOf, onSettled } from '@holdfast/core'

export interface Entry {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Each time it settled: the status that went out until then, and how it ended. */
  readonly endings: string[]
  /** The same, as `onSettled()` tells it. */
  readonly joined: string[]
}

export class Ledger implements IntakeListener {
  readonly entries: Entry[] = []
  readonly tunnels: IncomingMessage[] = []
  readonly refused: ClientErrorFact[] = []

  request(request: IncomingMessage, response: ServerResponse): void {
    const joined: string[] = []
    this.entries.push({ request, response, endings: [], joined })
    onSettled(response, (_, ending) => joined.push(textOf(response, ending)))
  }

  settled(response: ServerResponse, ending: Ending): void {
    const entry = this.entries.find((entry) => entry.response === response)
    entry?.endings.push(textOf(response, ending))
  }

  tunnel(request: IncomingMessage): void {
    this.tunnels.push(request)
  }

  malformed(error: ClientErrorFact): void {
    this.refused.push(error)
  }

  /** Everything booked, one line each: `GET /path 200 finished`. */
  get lines(): string[] {
    return [
      ...this.entries.map(({ request, endings, joined }) => {
        const error = factsOf(request).clientError
        const told = endings.join('+')
        return [
          request.method,
          request.url,
          told || 'open',
          ...(joined.join('+') === told ? [] : ['but joined', joined.join('+')]),
          ...(error === undefined ? [] : [error.code, error.statusCode])
        ].join(' ')
      }),
      ...this.tunnels.map((request) => `${request.method} ${request.url} tunnel`),
      ...this.refused.map(({ code, statusCode }) => `malformed ${code} ${statusCode}`)
    ]
  }

  /** Whether this many were booked and all of them are over. */
  isSettled(count: number): boolean {
    return this.lines.length === count && this.entries.every(({ endings }) => endings.length > 0)
  }
}

function textOf({ headersSent, statusCode }: ServerResponse, ending: Ending): string {
  return `${headersSent ? statusCode : 'nothing'} ${ending}`
}
