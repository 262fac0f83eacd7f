/** The questions, in the order the page asks them. */
import { bare } from './bare.js'
import { breakerBehaviour } from './breaker-behaviour.js'
import { circuitBreaker } from './circuit-breaker.js'
import { consoleQuestion } from './console.js'
import { hedgingQuestion } from './hedging.js'
import { inFront } from './in-front.js'
import { lifecycle } from './lifecycle.js'
import { limiterCore } from './limiter-core.js'
import { outgoingCallQuestion } from './outgoing-call.js'
import { outgoingFailing } from './outgoing-failing.js'
import { overload } from './overload.js'
import { rateLimit } from './rate-limit.js'
import { readingStates } from './reading-states.js'
import { redis } from './redis.js'
import { requestLine } from './request-line.js'
import { rollingRestartQuestion } from './rolling-restart.js'
import { shutdown } from './shutdown.js'
import { suite } from './suite.js'
import { suiteOverHttp } from './suite-over-http.js'
import { telemetryQuestion } from './telemetry.js'

export const questions = [
  bare,
  rateLimit,
  limiterCore,
  redis,
  circuitBreaker,
  breakerBehaviour,
  outgoingCallQuestion,
  outgoingFailing,
  hedgingQuestion,
  requestLine,
  lifecycle,
  readingStates,
  consoleQuestion,
  suite,
  suiteOverHttp,
  telemetryQuestion,
  inFront,
  overload,
  shutdown,
  rollingRestartQuestion
]
