/**
 * The browser example in a real Chromium: what a page's script sees of a refusal.
 */
import puppeteer, { type Page } from 'puppeteer-core'
import t from 'tap'
import { start } from '../../examples/browser/start.js'
import { CHROMIUM, findProgram } from '../support/programs.js'

t.setTimeout(120_000)

const { pageUrl, apiUrl, close } = await start({ pagePort: 0, apiPort: 0, level: 'error' })
t.teardown(close)

const chromium = await puppeteer.launch({
  executablePath: findProgram(...CHROMIUM) ?? '',
  // Its sandbox does not run as root, as tests in containers do. It opens nothing but this example.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  protocolTimeout: 100_000
})
t.teardown(() => chromium.close())

/** Waits until the page says something that fits, and returns it. */
async function says(page: Page, words: string): Promise<string> {
  const found = await page.waitForFunction(
    `(text => new RegExp(${JSON.stringify(words)}).test(text) && text)(document.querySelector('[role=status]').textContent)`,
    { timeout: 60_000 }
  )
  return String(await found.jsonValue())
}

t.test('the script of a page reads Retry-After of a 429, and counts down to its end', async (t) => {
  const page = await chromium.newPage()
  const problems: string[] = []
  page.on('console', (message) => problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(String(error)))
  const answers: { method: string; status: number; retryAfter: string | undefined }[] = []
  page.on('response', (response) => {
    if (!response.url().startsWith(apiUrl)) return
    answers.push({
      method: response.request().method(),
      status: response.status(),
      retryAfter: response.headers()['retry-after']
    })
  })
  await page.goto(pageUrl)
  const order = async () => {
    await page.waitForSelector('button:enabled')
    await page.click('button')
  }

  let said = ''
  let orders = 0
  // On a slow machine one more fits in before the limit is reached.
  while (!said.startsWith('Too many') && orders < 20) {
    await order()
    said = await says(page, `^Ordered: number ${++orders}\\.|Try again in`)
  }
  t.ok(orders > 3, `${orders - 1} orders, then a refusal`)
  const refused = answers.find(({ status }) => status === 429)
  t.match(refused?.retryAfter, /^[1-9]\d*$/)
  t.equal(said, `Too many orders. Try again in ${refused?.retryAfter} s.`)
  t.match(problems, [/^Failed to load resource: .* 429/], 'the browser has nothing else to say')
  t.equal(problems.length, 1)

  await says(page, 'You can order again')
  await order()
  await says(page, `^Ordered: number ${orders}\\.`)
  t.same(
    answers.filter(({ method }) => method === 'POST').map(({ status }) => status),
    [...Array(orders - 1).fill(201), 429, 201]
  )
  t.ok(answers.some(({ method, status }) => method === 'OPTIONS' && status === 204))
})
