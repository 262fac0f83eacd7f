/**
 * What users of pino-http and of Fastify's own log may write, and what to write instead.
 */
import type { ForeignNames } from '@holdfast/core/options'

const pinoHttp = (instead: string): string => `That is an option of pino-http. ${instead}`
const pino = (name: string): string =>
  `That is an option of pino. Write Fastify({ logger: { ${name} } }).`

const MESSAGE_IS_FIXED = 'The message of the line says how the request went, and cannot be changed.'
const BY_ADDING_FIELDS = 'Call request.addLogFields({ ... }) in a hook.'

/** By the names of pino-http and pino. */
export const FOREIGN_NAMES: ForeignNames = {
  autoLogging: pinoHttp("Write silent: ['/metrics'] or a function for requests without a line."),
  customLogLevel: pinoHttp('Write level, as a table of outcomes or a function.'),
  useLevel: pinoHttp("Write level: { ok: 'debug' }, for example."),
  genReqId: pinoHttp(
    "Write requestId: { header, generate: 'uuidv7' }, or give genReqId to Fastify(...)."
  ),
  customProps: pinoHttp(BY_ADDING_FIELDS),
  customSuccessObject: pinoHttp(BY_ADDING_FIELDS),
  customErrorObject: pinoHttp(BY_ADDING_FIELDS),
  customSuccessMessage: pinoHttp(MESSAGE_IS_FIXED),
  customErrorMessage: pinoHttp(MESSAGE_IS_FIXED),
  customReceivedMessage: pinoHttp('A request has one line, when it is over.'),
  customAttributeKeys: pinoHttp("Write format: 'otel' for the names of OpenTelemetry."),
  quietReqLogger: pinoHttp("request.log has the request's id only."),
  wrapSerializers: pinoHttp('Write Fastify({ logger: { serializers } }).'),
  serializers: pino('serializers'),
  redact: pino('redact'),
  transport: pino('transport'),
  stream: pino('stream')
}
