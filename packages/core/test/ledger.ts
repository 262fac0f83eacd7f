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
  readonly endings: `${number | 'nothing'} ${Ending}`[]
}

export class Ledger implements IntakeListener {
  readonly entries: Entry[] = []
  readonly tunnels: IncomingMessage[] = []
  readonly refused: ClientErrorFact[] = []

  request(request: IncomingMessage, response: ServerResponse): void {
    const endings: Entry['endings'] = []
    this.entries.push({ request, response, endings })
    onSettled(response, (_, ending) => {
      endings.push(`${response.headersSent ? response.statusCode : 'nothing'} ${ending}`)
    })
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
      ...this.entries.map(({ request, endings }) => {
        const error = factsOf(request).clientError
        return [
          request.method,
          request.url,
          endings.join('+') || 'open',
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
