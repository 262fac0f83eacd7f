/**
 * Mistakes that people make with the suite: code to be run, and shown in `docs/mistakes.md`.
 */

/** A mistake, as code in which the plugins and an `app` with a log are at hand. */
export interface Mistake {
  readonly title: string
  readonly code: string
  /** What the message cannot say by itself. */
  readonly note?: string
}

/** The mistakes of one section of the page. */
export interface Section {
  readonly title: string
  readonly mistakes: readonly Mistake[]
}

export const SECTIONS: readonly Section[] = [
  {
    title: 'Names of options',
    mistakes: [
      {
        title: 'A misspelt option',
        code: "await app.register(rateLimit, { timewindow: '1 minute' })"
      },
      {
        title: 'An option on the wrong level',
        code: 'await app.register(holdfast, { max: 100 })'
      },
      {
        title: 'An option of @fastify/rate-limit',
        code: 'await app.register(rateLimit, { max: 100, skipOnError: true })'
      },
      {
        title: 'An option of express-rate-limit',
        code: 'await app.register(rateLimit, { limit: 100, windowMs: 60_000 })'
      },
      {
        title: 'An option of opossum',
        code: 'await app.register(circuitBreaker, { errorThresholdPercentage: 50 })'
      },
      {
        title: 'An option of pino-http',
        code: 'await app.register(requestLogging, { autoLogging: { ignore: isHealthCheck } })'
      },
      {
        title: 'An option of @fastify/under-pressure',
        code: 'await app.register(lifecycle, { pressure: { healthCheck: () => true } })'
      },
      {
        title: 'A threshold outside of `pressure`',
        code: 'await app.register(lifecycle, { maxEventLoopDelay: 1000 })'
      },
      {
        title: 'A threshold for load shedding',
        code: 'await app.register(loadShedding, { maxEventLoopDelay: 100 })'
      },
      {
        title: 'An option of close-with-grace',
        code: 'await app.register(lifecycle, { delay: 500 })'
      },
      {
        title: "Fastify's name for a timeout",
        code: 'serverOptions({ timeouts: { requestTimeout: 5000 } })'
      }
    ]
  },
  {
    title: 'Limits',
    mistakes: [
      {
        title: 'A number as text, from the environment for example',
        code: "await app.register(rateLimit, { max: '100' })"
      },
      {
        title: 'A limit that is none',
        code: 'await app.register(rateLimit, { max: Infinity })'
      },
      {
        title: 'Seconds instead of milliseconds',
        code: 'await app.register(rateLimit, { max: 100, timeWindow: 60 })'
      },
      {
        title: 'A unit that is no fixed time',
        code: "await app.register(rateLimit, { max: 100, timeWindow: '1 month' })"
      },
      {
        title: 'A burst where windows are counted',
        code: "await app.register(rateLimit, { max: 100, algorithm: 'fixed-window', burst: 20 })"
      },
      {
        title: 'A request that costs more than there is',
        code: 'await app.register(rateLimit, { max: 100, cost: 200 })'
      },
      {
        title: 'A limit beside policies',
        code: "await app.register(rateLimit, {\n  max: 100,\n  policies: [{ name: 'daily', max: 1000, timeWindow: '1 day' }]\n})"
      },
      {
        title: 'A host name in `allowList`',
        code: "await app.register(rateLimit, { allowList: ['localhost'] })"
      },
      {
        title: 'A network of a client that is no address',
        code: "await app.register(rateLimit, {\n  keyGenerator: (request) => request.headers['x-api-key'],\n  ipv6Subnet: 48\n})"
      },
      {
        title: 'A proxy that is not trusted',
        code: "await app.register(rateLimit)\nawait app.inject({ url: '/', headers: { 'x-forwarded-for': '192.0.2.1' } })",
        note: 'The log warns once, of the first such request.'
      },
      {
        title: 'A proxy that is trusted too much',
        code: 'const app = Fastify({ logger, trustProxy: true })\nawait app.register(rateLimit)\nawait app.ready()'
      }
    ]
  },
  {
    title: 'Redis',
    mistakes: [
      {
        title: 'A URL instead of a client',
        code: "await app.register(rateLimit, { redis: 'redis://127.0.0.1' })"
      },
      {
        title: 'A client instead of a store',
        code: 'await app.register(rateLimit, { store: createClient() })'
      },
      {
        title: 'A client of node-redis that nobody connects',
        code: "const client = createClient()\nclient.on('error', () => {})\nawait app.register(rateLimit, { redis: client })\nawait app.ready()"
      },
      {
        title: 'Options of a store that is not there',
        code: 'await app.register(rateLimit, { storeTimeout: 100 })'
      }
    ]
  },
  {
    title: 'Routes',
    mistakes: [
      {
        title: 'A misspelt name in `config`',
        code: "await app.register(rateLimit)\napp.get('/login', { config: { ratelimit: { max: 5 } } }, login)"
      },
      {
        title: 'An option beside `config`',
        code: "await app.register(rateLimit)\napp.get('/login', { rateLimit: { max: 5 } }, login)"
      },
      {
        title: 'A wrong value in `config`',
        code: "await app.register(rateLimit)\napp.get('/login', { config: { rateLimit: true } }, login)"
      },
      {
        title: 'A breaker that is misspelt',
        code: "await app.register(circuitBreaker)\napp.get('/prices', { config: { circuitbreaker: true } }, prices)"
      },
      {
        title: 'A misspelt `holdfast`',
        code: "await app.register(lifecycle)\napp.get('/status', { config: { holdFast: { probe: true } } }, status)"
      },
      {
        title: 'A misspelt probe',
        code: "await app.register(lifecycle)\napp.get('/status', { config: { holdfast: { prob: true } } }, status)"
      },
      {
        title: 'A probe of your own, behind lifecycle',
        code: "await app.register(lifecycle)\napp.get('/readyz', status)"
      },
      {
        title: 'A probe of your own, before lifecycle',
        code: "app.get('/livez', status)\nawait app.register(lifecycle)"
      }
    ]
  },
  {
    title: 'Registering',
    mistakes: [
      {
        title: 'A plugin used before it has loaded',
        code: "app.register(circuitBreaker)\napp.circuitBreaker('prices')",
        note: 'Nothing of the plugin has run yet. Write `await app.register(circuitBreaker)`, or use it\nin a plugin of your own that is registered after it.'
      },
      {
        title: 'A limiter registered twice',
        code: 'await app.register(rateLimit, { max: 100 })\nawait app.register(rateLimit, { max: 5 })'
      },
      {
        title: 'Two limiters with the same decorators',
        code: 'await app.register(fastifyRateLimit)\nawait app.register(rateLimit)'
      },
      {
        title: 'A part of the suite registered beside it',
        code: "await app.register(holdfast)\nawait app.register(lifecycle, { gracePeriod: '10s' })"
      },
      {
        title: 'Lifecycle in a scope',
        code: 'await app.register(async function api(scope) {\n  await scope.register(lifecycle)\n})'
      },
      {
        title: 'The breaker in front of the limiter',
        code: 'await app.register(circuitBreaker)\nawait app.register(rateLimit)'
      },
      {
        title: 'CORS behind the suite',
        code: 'await app.register(rateLimit)\nawait app.register(cors)'
      }
    ]
  },
  {
    title: 'Breakers',
    mistakes: [
      {
        title: 'Two rules that replace each other',
        code: 'await app.register(circuitBreaker, { threshold: 5, failureRate: 0.5 })'
      },
      {
        title: 'A share in percent',
        code: 'await app.register(circuitBreaker, { failureRate: 50 })'
      },
      {
        title: 'More calls than the window holds',
        code: 'await app.register(circuitBreaker, { window: { calls: 10 }, minimumCalls: 20 })'
      },
      {
        title: 'One name with different options',
        code: "await app.register(circuitBreaker)\napp.circuitBreaker('prices', { threshold: 3 })\napp.circuitBreaker('prices', { threshold: 5 })"
      }
    ]
  },
  {
    title: 'Calls to others',
    mistakes: [
      {
        title: 'A time of callers that nobody is trusted with',
        code: 'await app.register(outgoing, { deadline: { read: true } })'
      },
      {
        title: 'The trust in callers, at an upstream',
        code: "await app.register(outgoing)\napp.upstream('prices', { origin: 'http://prices.internal', deadline: { trust: true } })"
      },
      {
        title: 'A header that is none',
        code: "await app.register(outgoing, { deadline: { header: 'X Timeout' } })"
      }
    ]
  },
  {
    title: 'The log',
    mistakes: [
      {
        title: 'No logger',
        code: 'const app = Fastify()\nawait app.register(requestLogging)\nawait app.ready()',
        note: 'Node prints it, since there is no log: once in a process.'
      },
      {
        title: 'Two lines for each request',
        code: 'const app = Fastify({ logger })\nawait app.register(requestLogging)\nawait app.ready()'
      },
      {
        title: 'A level for all outcomes',
        code: "await app.register(requestLogging, { level: 'info' })"
      },
      {
        title: 'A header with credentials',
        code: "await app.register(requestLogging, { headers: ['authorization'] })"
      }
    ]
  },
  {
    title: 'Start and stop',
    mistakes: [
      {
        title: 'More time than the platform grants',
        code: "await app.register(lifecycle, { gracePeriod: '10s', drainDelay: '5s', finishTimeout: '20s' })"
      },
      {
        title: 'A connection that is closed before the proxy lets go of it',
        code: "await app.register(lifecycle, { proxyIdleTimeout: '5 minutes' })"
      },
      {
        title: 'Two probes on one path',
        code: "await app.register(lifecycle, { health: { live: '/health', ready: '/health' } })"
      },
      {
        title: "`errors: 'drain'` in a process that the shutdown does not end",
        code: "await app.register(lifecycle, { exit: false, errors: 'drain' })"
      },
      {
        title: 'A step behind one that does not exist',
        code: "await app.register(lifecycle)\napp.lifecycle.onShutdown('database', disconnect, { after: ['queue'] })"
      }
    ]
  }
]
