/**
 * Tells the span of a request what became of it, while it still records. The span of
 * instrumentation-http ends with the response, that of @fastify/otel in the last `onSend` hook of its
 * route. The span that is active inside a hook may be one of that hook alone.
 */
import {
  addFrontHook,
  declareFact,
  type Ending,
  guardedCall,
  intake,
  type RequestRecord,
  recordOf
} from '@holdfast/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errorTypeOf } from '../error-type.ts'
import { spanAttributesOf } from '../span-attributes.ts'
import type { OpenTelemetryApi, SpanLike } from './open-telemetry-api.ts'

declare module '@holdfast/core' {
  interface RequestFacts {
    /** The span that was active when the request reached its first hook, where one records. */
    span?: SpanLike | undefined
  }
}

declareFact('span')

/** What `@fastify/otel` decorates requests with. */
interface MaybeTraced {
  opentelemetry?(): { readonly span: SpanLike | null | undefined }
}

const SDK = 'the OpenTelemetry SDK'

/** Adds to the spans of requests until the app closes. */
export function markSpans(app: FastifyInstance, { trace }: OpenTelemetryApi): void {
  const recordingSpan = (): SpanLike | undefined => {
    const span = trace.getActiveSpan()
    return span?.isRecording() ? span : undefined
  }
  // Where @fastify/otel comes first it keeps the span itself, and would give this hook one of its own.
  if (!app.hasRequestDecorator('opentelemetry')) {
    addFrontHook(app, '@holdfast/telemetry', function holdfastSpan({ raw }, _reply, done) {
      const span = guardedCall(recordingSpan, SDK)
      if (span !== undefined) recordOf(raw).span = span
      done()
    })
  }
  app.addHook('onSend', function holdfastSpanAttributes(request, { statusCode }, payload, done) {
    guardedCall(mark, SDK, recordOf(request.raw), request, 'finished', statusCode)
    done(null, payload)
  })
  intake(app, {
    request() {},
    settled({ statusCode }, ending, record) {
      const { routed } = record
      // What was sent was marked before.
      if (ending === 'finished' || routed === undefined) return
      guardedCall(mark, SDK, record, routed, ending, statusCode)
    }
  })
}

function mark(
  record: RequestRecord,
  request: FastifyRequest & MaybeTraced,
  ending: Ending,
  status: number
): void {
  const attributes = spanAttributesOf(record, errorTypeOf(record, ending, status))
  if (attributes === undefined) return
  const span = request.opentelemetry?.().span ?? record.span
  if (span?.isRecording()) span.setAttributes(attributes)
}
