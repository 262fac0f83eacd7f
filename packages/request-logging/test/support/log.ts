/**
 * A destination for pino that keeps every line, and apps that write to it.
 */

import type { Server } from 'node:http'
import { type RequestLoggingOptions, requestLogging } from '@holdfast/request-logging'
import { logController } from '@holdfast/request-logging/log-controller'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import { eventually } from '../../../../test/support/http.ts'

/** A line as it is read back. */
export type WrittenLine = Record<string, unknown>

/** What was written, as text and parsed. */
export class Log {
  text = ''

  readonly write = (chunk: string): void => {
    this.text += chunk
  }

  /** Every line, parsed: one that is not whole JSON fails the test. */
  all(): WrittenLine[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as WrittenLine)
  }

  /** The lines of requests, without what else the app logs. */
  requests(): WrittenLine[] {
    return this.all().filter((line) => (line['outcome'] ?? line['holdfast.outcome']) !== undefined)
  }

  /** Waits for `count` lines of requests. */
  async lines(count: number): Promise<WrittenLine[]> {
    await eventually(() => this.requests().length >= count)
    return this.requests()
  }

  /** Waits for the first line of a request. */
  async line(): Promise<WrittenLine> {
    return (await this.lines(1))[0] as WrittenLine
  }
}

/** An app with the plugin, whose default lines are silent. */
export function loggedApp(
  options: RequestLoggingOptions = {},
  server: FastifyHttpOptions<Server> = {}
): { app: FastifyInstance; log: Log } {
  const log = new Log()
  const app: FastifyInstance = Fastify({
    logger: { level: 'trace', stream: log },
    logController: logController(),
    ...server
  })
  app.register(requestLogging, options)
  return { app, log }
}
