import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { CircuitFullError, CircuitOpenError, RateLimitExceededError } from 'holdfast'

/**
 * Refusals are answers: they go out with their header fields, `Retry-After` among them, and Nest logs no
 * error.
 */
@Catch(RateLimitExceededError, CircuitOpenError, CircuitFullError)
export class RefusalFilter implements ExceptionFilter {
  catch(
    { statusCode, message, headers }: InstanceType<typeof CircuitOpenError>,
    host: ArgumentsHost
  ): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    void reply
      .code(statusCode)
      .headers(headers ?? {})
      .send({ statusCode, message })
  }
}
