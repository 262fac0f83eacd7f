import { setImmediate } from 'node:timers/promises'
import { type RequestLoggingOptions, requestLogging } from '@holdfast/request-logging'
import Fastify, { type FastifyServerOptions } from 'fastify'
import t from 'tap'

const warnings: Error[] = []
const onWarning = (warning: Error): void => void warnings.push(warning)
process.on('warning', onWarning)
t.teardown(() => process.off('warning', onWarning))

async function boot(
  options?: FastifyServerOptions,
  own: RequestLoggingOptions = {}
): Promise<void> {
  const app = Fastify(options)
  await app.register(requestLogging, own)
  await app.ready()
  await app.close()
  await setImmediate()
}

t.test(
  'a logger that is there, or silent, or the plugin’s own, is no reason to warn',
  async (t) => {
    const stream = { write: () => {} }
    await boot({ logger: { stream }, disableRequestLogging: true })
    await boot({ logger: { level: 'silent' } })
    const write = (): void => {}
    const logger = {
      trace: write,
      debug: write,
      info: write,
      warn: write,
      error: write,
      fatal: write
    }
    await boot(undefined, { logger })
    t.same(
      warnings.filter(({ name }) => name === 'HoldfastWarning'),
      []
    )
  }
)

t.test('without a logger the process is told once that no line is written', async (t) => {
  await boot()
  await boot()
  const ours = warnings.filter(({ name }) => name === 'HoldfastWarning')
  t.match(ours, [{ code: 'HOLDFAST_NO_LOGGER', message: /was not given a logger\. Write Fastify/ }])
  t.equal(ours.length, 1)
})
