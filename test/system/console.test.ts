/**
 * The console in a real Chromium: the acts of the gateway as they are seen on the page, what the page loads and
 * obeys, keyboard and screen reader, several processes, and a drain to its end.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { holdfastConsole } from '@holdfast/console'
import { provideState } from '@holdfast/core'
import axe from 'axe-core'
import Fastify, { type FastifyInstance } from 'fastify'
import { holdfast } from 'holdfast'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { eventually } from '../support/http.ts'
import { startNode } from '../support/process.ts'
import { CHROMIUM, findProgram } from '../support/programs.js'

t.setTimeout(240_000)

const SOON = 2000

const browser = await chromium.launch({
  executablePath: findProgram(...CHROMIUM) ?? '',
  // Its sandbox does not run as root, as tests in containers do. It opens nothing but these pages.
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic']
})
t.teardown(() => browser.close())

/** A page, with all that it loaded and all that it complained of. */
interface Opened {
  readonly page: Page
  readonly complaints: string[]
  readonly origins: Set<string>
}

async function open(
  t: Test,
  url: string,
  options: Parameters<typeof browser.newContext>[0] = {}
): Promise<Opened> {
  const context: BrowserContext = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  const origins = new Set<string>()
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (asked) => origins.add(new URL(asked.url()).origin))
  await page.addInitScript(
    `addEventListener('securitypolicyviolation', ({ violatedDirective }) => console.error('CSP', violatedDirective))`
  )
  await page.goto(url)
  await page.waitForSelector('html[data-told=yes]', { timeout: 20_000 })
  return { page, complaints, origins }
}

/** Waits until the text of an element fits: no longer than two seconds, unless said. */
async function shows(page: Page, selector: string, pattern: RegExp, timeout = SOON): Promise<void> {
  await page
    .locator(selector)
    .filter({ hasText: pattern })
    .first()
    .waitFor({ timeout, state: 'attached' })
}

interface Gateway {
  readonly url: string
  readonly payments: string
  readonly console: string
  readonly running: ReturnType<typeof startNode>
}

const START = fileURLToPath(new URL('../../examples/gateway/start.js', import.meta.url))

async function startGateway(t: Test): Promise<Gateway> {
  const env = { PORT: '0', PAYMENTS_PORT: '0', CONSOLE_PORT: '0', DRAIN_DELAY: '3s' }
  const running = startNode([START], { env })
  t.teardown(running.stop)
  const [, url = '', payments = ''] = await running.printed(
    /orders API listens on (\S+), the payments service behind it on (\S+)\./
  )
  const [, page = ''] = await running.printed(/console, to watch them: (\S+)/)
  return { url, payments, console: page, running }
}

const json = { 'content-type': 'application/json' }

async function order(url: string): Promise<number> {
  const body = JSON.stringify({ item: 'tea', amount: 4.5 })
  const answer = await request(`${url}/orders`, { method: 'POST', headers: json, body })
  await answer.body.dump()
  return answer.statusCode
}

async function tell(payments: string, mode: string): Promise<void> {
  const body = JSON.stringify({ mode })
  await (await request(`${payments}/behaviour`, { method: 'PUT', headers: json, body })).body.dump()
}

t.test('each act of the gateway is seen on the page within two seconds', async (t) => {
  const gateway = await startGateway(t)
  const { page, complaints, origins } = await open(t, gateway.console)

  await t.test('act 1: all is well', async () => {
    await shows(page, '#verdict', /All is well/)
    await order(gateway.url)
    await shows(page, '#limits tr', /default.*0 of 1/)
    await shows(page, '.life .current', /ready/)
  })
  await t.test('act 2: too many requests', async () => {
    for (let read = 0; read < 40; read++) {
      await (await request(`${gateway.url}/orders/1`)).body.dump()
    }
    await shows(page, '#limits tr.bad', /GET \/orders\/:id/)
    await shows(page, '#problems .warn', /limit GET \/orders\/:id turns away/)
  })
  await t.test('act 3: payments fail', async () => {
    await tell(gateway.payments, 'fail')
    for (let count = 0; count < 6; count++) await order(gateway.url)
    await shows(page, '.breaker.state-open .badge.bad', /open/)
    await shows(page, '.breaker.state-open', /Tries again in \d s/)
    await shows(page, '.breaker .changes .to-open', /5 × status 503/)
    await shows(page, '#problems .bad', /The breaker payments is open after 5 × status 503/)
    await shows(page, '.upstream.bad', /failing/)
    await tell(gateway.payments, 'ok')
    await shows(
      page,
      '.breaker.state-half-open, .breaker.state-open',
      /next call tries|half-open/,
      8000
    )
    await order(gateway.url)
    await shows(page, '.breaker.state-closed', /closed: |closed/)
  })
  await t.test('act 4: stopped', async () => {
    gateway.running.signal('SIGTERM')
    await shows(page, '.phase-draining .current', /draining/)
    await shows(page, '#problems .warn', /The service is leaving/)
    const { code } = await gateway.running.exited
    t.equal(code, 0)
    await shows(page, '#problems', /has stopped/, 5000)
  })
  const other = complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE/.test(text))
  t.same(other, [], 'nothing was violated, nothing went wrong')
  t.same([...origins], [new URL(gateway.console).origin], 'all of it from one origin')
})

/** A service with everything, whose page is on a free port. */
async function service(t: Test): Promise<{ app: FastifyInstance; url: string }> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(holdfast, {
    lifecycle: { signals: false, exit: false, health: { checks: { database: async () => true } } },
    requestLogging: false,
    outgoing: {},
    telemetry: {}
  })
  await app.register(holdfastConsole, { listen: { port: 0 } })
  app.circuitBreaker('stock')
  const broken = app.circuitBreaker('search', { threshold: 1, resetTimeout: '1 minute' })
  app.get('/', async () => 'ok')
  await app.listen({ host: '127.0.0.1', port: 0 })
  await broken.execute(async () => Promise.reject(new Error('down'))).catch(() => {})
  return { app, url: String(app.holdfastConsole.url) }
}

t.test(
  'the charts have numbers, as pictures and as tables, and nothing is left of a closed tab',
  async (t) => {
    const { app, url } = await service(t)
    const { page, complaints } = await open(t, url)
    const timer = setInterval(() => void app.inject('/'), 50)
    t.teardown(() => clearInterval(timer))
    const traffic = async (): Promise<void> => {
      const answer = await request(app.listeningOrigin)
      await answer.body.dump()
    }
    for (let count = 0; count < 60; count++) {
      await traffic()
      await wait(40)
    }
    await shows(page, '#requests-chart .key', /ok.*[1-9].*\/s/)
    t.match(
      await page.locator('#requests-chart .plot').getAttribute('aria-label'),
      /^Requests a second by outcome, the last ten minutes\. Now ok: [\d.]+\/s/
    )
    await page.locator('#requests-chart summary').click()
    await shows(page, '#requests-chart td', /\/s/)
    t.equal(await page.locator('#charts canvas').count(), 2)
    await shows(page, '#tiles', /99 % within/)
    t.same(complaints, [])
    await page.close()
    await eventually(() => app.holdfastConsole.viewers === 0)
  }
)

t.test('without telemetry a sentence names it', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(holdfastConsole, { listen: { port: 0 } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { page } = await open(t, String(app.holdfastConsole.url))
  await shows(page, '#no-charts', /@holdfast\/telemetry/)
  t.notOk(await page.locator('#charts').isVisible())
  t.notOk(await page.locator('#breakers').isVisible())
})

for (const [name, options] of [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark', reducedMotion: 'reduce' }],
  ['on a telephone', { viewport: { width: 390, height: 800 } }]
] as const) {
  t.test(
    `${name}: axe finds nothing serious, and the keyboard reaches what can be used`,
    async (t) => {
      const { url } = await service(t)
      const { page } = await open(t, url, options)
      await shows(page, '.breaker.state-open', /open/)
      await page.evaluate(axe.source)
      const found = (await page.evaluate('axe.run()')) as {
        violations: { id: string; impact: string; nodes: { html: string }[] }[]
      }
      const serious = found.violations.filter(({ impact }) => /serious|critical/.test(impact))
      t.same(
        serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
        []
      )
      const width = Number(await page.evaluate('document.documentElement.scrollWidth'))
      t.ok(width <= (page.viewportSize()?.width ?? 0), `nothing sticks out: ${width}`)

      const reached: string[] = []
      for (let press = 0; press < 6; press++) {
        await page.keyboard.press('Tab')
        reached.push(
          String(
            await page.evaluate('document.activeElement.id || document.activeElement.localName')
          )
        )
      }
      t.ok(reached.includes('pause') && reached.includes('summary'), reached.join())
      await page.locator('#pause').focus()
      await page.keyboard.press('Enter')
      await shows(page, '#connection', /paused/)
      t.equal(await page.locator('#pause').getAttribute('aria-pressed'), 'true')
      await page.keyboard.press('Enter')
      await shows(page, '#connection', /live/)
      t.match(await page.locator('[role=status]').textContent(), /The breaker search is open/)
      t.notMatch(await page.locator('[role=status]').textContent(), /Tries again in/)
    }
  )
}

t.test('ten processes are one page, and the one that is gone is told', async (t) => {
  const apps = await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(holdfastConsole, { listen: { port: 0 } })
      provideState(app, '@holdfast/request-logging', () => ({
        written: 1,
        sampledOut: 0,
        silent: 0,
        failed: 0
      }))
      await app.register(holdfast, { lifecycle: false, requestLogging: false, loadShedding: false })
      const breaker = app.circuitBreaker('shared', { threshold: 1 })
      await app.listen({ host: '127.0.0.1', port: 0 })
      if (index === 3)
        await breaker.execute(async () => Promise.reject(new Error('down'))).catch(() => {})
      return app
    })
  )
  const urls = apps.map(({ holdfastConsole }) => String(holdfastConsole.url))
  const { page, complaints } = await open(t, `${urls[0]}#${urls.join(',')}`)
  await shows(page, '#connection', /10 of 10 live/, 10_000)
  await shows(page, '.breaker.state-open', /open in 1 of 10/)
  t.equal(await page.locator('.process').count(), 10)
  t.same(complaints, [])
  await apps.pop()?.close()
  await shows(page, '#connection', /9 of 10 live/, 8000)
})
