/**
 * What users of other packages may write, and what to write instead.
 */
import type { ForeignNames } from '@holdfast/core/options'

/** By the names of bull-board, express-status-monitor, swagger-ui and of Fastify's `listen()`. */
export const FOREIGN_NAMES: ForeignNames = {
  path: 'Write prefix, together with onRequest.',
  basePath: 'Write prefix, together with onRequest.',
  routePrefix: 'Write prefix, together with onRequest.',
  uiHooks: 'Write onRequest: a hook that lets in who may look.',
  preHandler: 'Write onRequest: a hook that lets in who may look.',
  auth: 'Write onRequest: a hook that lets in who may look.',
  port: 'Write listen: { port }.',
  host: 'Write listen: { host }.',
  app: 'Write of: the app whose plugins the page shows.',
  cors: 'Write origins: the pages that may read this process, too.'
}
