/**
 * `docs/mistakes.md`: every mistake on the page is made, and the message it gives is the one there.
 * To accept a change, run
 *
 *     WRITE_PAGE=1 npx tap --disable-coverage test/mistakes.test.ts
 *
 * Covers the tables of foreign names, `foreign-names.ts`, and what is noticed at boot or by the first
 * requests: `edges/proxy-watch.ts`, `edges/no-logger.ts`.
 */
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { CircuitBreaker, circuitBreaker } from '@holdfast/circuit-breaker'
import { lifecycle } from '@holdfast/lifecycle'
import { loadShedding } from '@holdfast/load-shedding'
import { outgoing } from '@holdfast/outgoing'
import { rateLimit } from '@holdfast/rate-limit'
import { requestLogging } from '@holdfast/request-logging'
import Fastify, { type FastifyInstance } from 'fastify'
import { holdfast, serverOptions } from 'holdfast'
import t from 'tap'
import { FOREIGN_NAMES as OF_BREAKERS } from '../packages/circuit-breaker/dist/foreign-names.js'
import {
  FOREIGN_PRESSURE_NAMES,
  FOREIGN_TIMEOUT_NAMES,
  FOREIGN_NAMES as OF_LIFECYCLE
} from '../packages/lifecycle/dist/foreign-names.js'
import { FOREIGN_NAMES as OF_SHEDDING } from '../packages/load-shedding/dist/foreign-names.js'
import { FOREIGN_NAMES as OF_LIMITERS } from '../packages/rate-limit/dist/foreign-names.js'
import { FOREIGN_NAMES as OF_LOGGING } from '../packages/request-logging/dist/foreign-names.js'
import { type Mistake, SECTIONS } from './support/mistakes.ts'
import { root } from './support/pack.js'

const ofLimiter = createRequire(join(root, 'packages', 'rate-limit', 'package.json'))
const ofOthers = createRequire(join(root, 'test', 'beside', 'package.json'))

/** Where a message appears. */
type Place = 'The boot stops:' | 'The log warns:' | 'Node warns:'

interface Message {
  readonly place: Place
  readonly text: string
}

const HANDLERS = Object.fromEntries(
  ['login', 'prices', 'status', 'disconnect', 'isHealthCheck'].map((name) => [name, () => name])
)

/** Runs the code of a mistake, and returns all that is said. */
async function messagesOf({ code }: Mistake): Promise<Message[]> {
  const messages: Message[] = []
  const say = (place: Place, text: string): void => {
    messages.push({ place, text })
  }
  const onWarning = ({ message }: Error): void => say('Node warns:', message)
  process.on('warning', onWarning)
  const logger = {
    level: 'warn',
    stream: { write: (line: string) => say('The log warns:', JSON.parse(line).msg) }
  }
  const apps: FastifyInstance[] = []
  const makeApp = (options?: object): FastifyInstance => {
    const app: FastifyInstance = Fastify(options)
    apps.push(app)
    return app
  }
  const scope: Record<string, unknown> = {
    ...HANDLERS,
    ...{
      CircuitBreaker,
      circuitBreaker,
      holdfast,
      lifecycle,
      loadShedding,
      outgoing,
      rateLimit,
      requestLogging
    },
    ...{ serverOptions, logger, Fastify: makeApp },
    fastifyRateLimit: ofOthers('@fastify/rate-limit'),
    cors: ofOthers('@fastify/cors'),
    createClient: ofLimiter('redis').createClient
  }
  if (!code.includes('const app')) scope['app'] = makeApp(serverOptions({ logger }))
  try {
    const run = new AsyncFunction(...Object.keys(scope), code)
    await run(...Object.values(scope))
    for (const app of apps) await app.ready()
    await setImmediate()
  } catch (error) {
    say('The boot stops:', (error as Error).message)
  }
  for (const app of apps) await app.close().catch(() => {})
  process.off('warning', onWarning)
  return messages
}

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
  ...names: string[]
) => (...values: unknown[]) => Promise<void>

const HEAD = `# Mistakes, and what the suite says

What is wrong is said when the service boots, in a sentence that names the place, the value and the remedy. A mistake
that cannot work stops the boot; one that may be meant so is a warning in the log. Each message below is what the code
above it gives. Where the code makes no app, \`app\` is \`Fastify(serverOptions({ logger }))\`.
`

const fence = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`

const said = new Map<Mistake, Message[]>()

t.test('every mistake is answered', async (t) => {
  for (const mistake of SECTIONS.flatMap(({ mistakes }) => mistakes)) {
    const messages = await messagesOf(mistake)
    t.not(messages.length, 0, mistake.title)
    said.set(mistake, messages)
  }
  t.ok(said.size >= 40)
})

t.test('the page says what is said', async (t) => {
  const sections = SECTIONS.map(({ title, mistakes }) => {
    const parts = mistakes.map((mistake) => {
      const messages = said.get(mistake) ?? []
      const texts = messages.map(({ text }) => text).join('\n')
      const note = mistake.note === undefined ? '' : `\n${mistake.note}\n`
      return `### ${mistake.title}\n\n${fence('js', mistake.code)}\n${messages[0]?.place}\n\n${fence('text', texts)}${note}`
    })
    return `## ${title}\n\n${parts.join('\n')}`
  })
  const page = [HEAD, ...sections].join('\n')
  const file = join(root, 'docs', 'mistakes.md')
  if (process.env['WRITE_PAGE']) writeFileSync(file, page)
  t.equal(await readFile(file, 'utf8'), page)
})

t.test('every name of another package is answered with what to write instead', async (t) => {
  const tables: [Readonly<Record<string, string>>, (options: object) => FastifyInstance][] = [
    [OF_LIMITERS, (options) => Fastify().register(rateLimit, options)],
    [OF_SHEDDING, (options) => Fastify().register(loadShedding, options)],
    [OF_BREAKERS, (options) => Fastify().register(circuitBreaker, options)],
    [OF_LOGGING, (options) => Fastify().register(requestLogging, options)],
    [OF_LIFECYCLE, (options) => Fastify().register(lifecycle, options)],
    [FOREIGN_PRESSURE_NAMES, (pressure) => Fastify().register(lifecycle, { pressure })],
    [FOREIGN_TIMEOUT_NAMES, (timeouts) => Fastify().register(lifecycle, { timeouts })]
  ]
  for (const [table, register] of tables) {
    for (const [name, sentence] of Object.entries(table)) {
      const app = register({ [name]: true })
      const message = await Promise.resolve(app.ready()).then(String, ({ message }) => message)
      t.equal(message.split(`"${name}" does not exist. `)[1], sentence, name)
      t.match(sentence, /\.$/, 'a sentence')
    }
  }
})
