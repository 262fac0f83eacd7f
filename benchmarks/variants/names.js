/**
 * The name of every variant, as the page prints it. The files of this folder build what is named here,
 * and the questions ask for it.
 */

/** What a request may pass on its way, built by `request-path.js`. */
export const onRequestPath = /** @type {const} */ ({
  bare: 'bare',
  hook: 'one onRequest hook',
  slowHook: 'a hook that spins for 0.5 us',
  fastifyRateLimit: '@fastify/rate-limit, allowed',
  fastifyRateLimitRefused: '@fastify/rate-limit, refused',
  rateLimit: 'holdfast rate-limit, allowed',
  rateLimitWithoutHeaders: 'holdfast rate-limit, allowed, no headers',
  rateLimitOfTenPolicies: 'holdfast rate-limit, allowed by ten policies',
  rateLimitRefused: 'holdfast rate-limit, refused',
  fastifyCircuitBreaker: '@fastify/circuit-breaker, closed',
  circuitBreaker: 'holdfast circuit-breaker, closed',
  underPressure: '@fastify/under-pressure, four checks',
  lifecycle: 'holdfast lifecycle, with pressure sensor',
  loadShedding: 'holdfast load-shedding, admitted',
  fastifyLines: "Fastify's own lines",
  noLines: 'logger on, default lines silenced',
  pinoHttp: 'pino-http, as it comes',
  pinoHttpOfFields: 'pino-http, fixed fields',
  requestLogging: "holdfast request-logging, Fastify's logger on",
  requestLoggingUnwritten: "holdfast request-logging, Fastify's logger on, not written",
  requestLoggingAlone: "holdfast request-logging, Fastify's logger off",
  requestLoggingSampledOut: 'holdfast request-logging, sampled out',
  peers: "the peers' stack",
  suiteWithoutLine: 'the holdfast suite, no line',
  suite: 'the holdfast suite',
  telemetry: 'holdfast telemetry alone',
  suiteWithTelemetry: 'the holdfast suite with telemetry',
  fastifyMetrics: 'fastify-metrics, as it comes',
  fastifyOtel: '@fastify/otel, sampled, exported to nowhere',
  peersWithTelemetry: "the peers' stack with @fastify/otel and fastify-metrics"
})

/** Ways to write 500 series of durations, built by `scrapes.js`. */
export const scrape = /** @type {const} */ ({
  promClient: 'prom-client',
  telemetry: 'holdfast telemetry'
})

/** Where a limit and a line are, built by `request-path.js` and nginx. */
export const placement = /** @type {const} */ ({
  plain: onRequestPath.bare,
  nginxInFront: 'nginx in front of bare',
  suite: onRequestPath.suite
})

/** Limiters without a web framework, built by `limiters.js`. */
export const limiter = /** @type {const} */ ({
  loop: 'empty loop',
  localStore: '@fastify/rate-limit LocalStore',
  rateLimiterFlexible: 'rate-limiter-flexible memory',
  expressRateLimit: 'express-rate-limit MemoryStore',
  tokenBucket: 'holdfast rate-limit',
  slidingWindow: 'holdfast, sliding window',
  fixedWindow: 'holdfast, fixed window'
})

/** The measurements of `limiters.js`. @param {string} name of a limiter */
export const speedOf = (name) => `speed: ${name}`
/** @param {string} name of a limiter */
export const memoryOf = (name) => `memory: ${name}`
/** @param {string} name of a key function */
export const keyCostOf = (name) => `key: ${name}`

/** From an address to a key, built by `limiters.js`. */
export const keyFunction = /** @type {const} */ ({
  fastifyRateLimit: '@fastify/rate-limit',
  rateLimit: 'holdfast rate-limit'
})

/** Stores in Redis, alone, built by `shared-limiters.js`. */
export const store = /** @type {const} */ ({
  increment: 'plain INCR',
  fastifyRateLimit: '@fastify/rate-limit RedisStore',
  rateLimiterFlexible: 'rate-limiter-flexible RateLimiterRedis',
  rateLimit: 'holdfast RedisStore'
})

/** Limits in Redis in front of a route, built by `shared-limiters.js`. */
export const onSharedPath = /** @type {const} */ ({
  bare: 'bare',
  fastifyRateLimit: '@fastify/rate-limit, Redis',
  rateLimit: 'holdfast rate-limit, Redis',
  rateLimitWithLeases: 'holdfast rate-limit, Redis, leases of 20'
})

/** Breakers around a call, built by `breakers.js`. */
export const breaker = /** @type {const} */ ({
  none: 'plain await',
  opossum: 'opossum, default',
  opossumWithoutTimeout: 'opossum, no timeout',
  cockatiel: 'cockatiel, consecutive',
  cockatielSampling: 'cockatiel, sampling',
  circuitBreaker: 'holdfast circuit-breaker',
  circuitBreakerOfRate: 'holdfast circuit-breaker, failure rate',
  circuitBreakerOfSlowCalls: 'holdfast circuit-breaker, failure rate and slow calls'
})

/** The measurements of `breakers.js`. @param {string} name of a breaker */
export const closed = (name) => `closed: ${name}`
/** @param {string} name of a breaker */
export const withTimeout = (name) => `with a timeout: ${name}`
/** @param {string} name of a breaker */
export const open = (name) => `open: ${name}`

/** Breakers that are put into situations, by `breaker-situations.js`. */
export const inSituations = /** @type {const} */ ({
  fastifyCircuitBreaker: '@fastify/circuit-breaker',
  opossum: 'opossum',
  cockatiel: 'cockatiel',
  circuitBreaker: 'holdfast circuit-breaker',
  circuitBreakerOfRate: 'holdfast, failure rate'
})

/** Guards of a call, built by `outgoing-calls.js`. */
export const outgoingCall = /** @type {const} */ ({
  plain: 'fetch again (control)',
  outgoing: 'holdfast outgoing',
  opossum: 'opossum (breaker, timeout)',
  cockatiel: 'cockatiel (retry, breaker, timeout)',
  retryAgent: 'undici RetryAgent'
})

/** Ways to call a service that fails, built by `failing-layers.js`. */
export const wayToCall = /** @type {const} */ ({
  fetch: 'fetch',
  retryAgent: 'undici RetryAgent, 5 retries',
  axiosRetry: 'axios-retry, 3 retries',
  outgoingWithoutBreaker: 'holdfast outgoing, no breaker',
  outgoing: 'holdfast outgoing'
})

/** In which `hedged-calls.js` calls. */
export const situation = /** @type {const} */ ({
  slowAnswers: 'Three of a hundred answers are slow',
  overload: 'Offered 1.15 of what it can answer'
})

/** How `hedged-calls.js` calls. */
export const hedging = /** @type {const} */ ({
  none: 'not hedged',
  p95: 'hedged after the p95'
})

/** Ways to stop a service, built by `stopping-service.js`. */
export const wayToStop = /** @type {const} */ ({
  none: 'no handler',
  close: 'app.close() on SIGTERM',
  closeAndExit: 'app.close(), then process.exit()',
  closeWithGrace: 'close-with-grace',
  lifecycle: 'holdfast lifecycle',
  lifecycleWithoutDelay: 'holdfast lifecycle, no delay'
})

/** What protects a service from a flood, built by `overloaded-service.js` and nginx. */
export const protection = /** @type {const} */ ({
  none: 'nothing',
  underPressure: '@fastify/under-pressure, delay 1 s, utilization 0.98',
  underPressureTuned: '@fastify/under-pressure, tuned: delay 100 ms, sampled each 100 ms',
  overloadProtection: 'overload-protection',
  tooBusy: 'toobusy-js',
  cap: 'a cap by hand: 8 in flight, 40 for I/O',
  nginx: 'nginx in front, limit_conn 8, 40 for I/O',
  loadShedding: 'holdfast load-shedding'
})

/** What the requests of a flood need. */
export const work = /** @type {const} */ ({
  cpu: 'CPU: 5 ms',
  io: 'I/O: 20 slots of 50 ms',
  halves: 'CPU in two halves around a wait',
  slower: 'a dependency that becomes slower'
})
