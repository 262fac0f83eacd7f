/**
 * Silences Fastify's own request lines: one line for a request, not three. It is a subpath of its
 * own because Fastify has log controllers from 5.10 on only.
 *
 * @module
 */
import fastify, { type LogController } from 'fastify'
import { LogControllerMissingError } from '../errors.ts'

/** A class that derives from Fastify's `LogController`. */
export type LogControllerClass = new () => LogController

/**
 * Returns a log controller for `Fastify({ logController: logController() })` that leaves out what
 * the plugin's line says: the request that came in, the request that completed, the error that was
 * thrown, the route that was not found, the request refused while closing. What Fastify says of
 * broken streams, heads and serializers stays.
 *
 * @param Base the class to derive from: your own, or that of the copy of Fastify you use when there
 * are several. Fastify's by default.
 * @throws LogControllerMissingError before Fastify 5.10
 */
export function logController(
  Base: LogControllerClass | undefined = fastify.LogController
): LogController {
  if (Base === undefined) throw new LogControllerMissingError()
  class QuietLogController extends Base {
    override incomingRequest(): void {}
    override requestCompleted(): void {}
    override defaultErrorLog(): void {}
    override routeNotFound(): void {}
    override serviceUnavailable(): void {}
  }
  return new QuietLogController()
}
