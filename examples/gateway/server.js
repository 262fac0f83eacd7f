/**
 * Runs the gateway. Its settings come from the environment:
 *
 *     PAYMENTS_URL   where the payments service answers (required)
 *     PORT, HOST     where to listen (3000, localhost)
 *     ORDER_READS    how often one client may read orders in ten seconds (20)
 *     DRAIN_DELAY    how long to go on serving after the signal to stop (5s, at a terminal 0)
 *     CONSOLE_PORT   where operators find the console (without it there is none)
 */
import { createGateway } from './app.js'
import { giveUp } from './give-up.js'

/** The running gateway. */
export const app = await run().catch(giveUp)

async function run() {
  const {
    HOST = 'localhost',
    PORT = '3000',
    ORDER_READS = '20',
    DRAIN_DELAY,
    CONSOLE_PORT
  } = process.env
  const gateway = await createGateway({
    paymentsUrl: await reachable(process.env.PAYMENTS_URL),
    orderReads: Number(ORDER_READS),
    lifecycle: { drainDelay: DRAIN_DELAY },
    ...(CONSOLE_PORT && { consolePort: portOf(CONSOLE_PORT, 'CONSOLE_PORT') })
  })
  await gateway.listen({ host: HOST, port: portOf(PORT) })
  return gateway
}

/**
 * A wrong address should be found now, not with the first order. Any answer is good.
 *
 * @param {string | undefined} text
 */
async function reachable(text) {
  const example = 'for example PAYMENTS_URL=http://localhost:3001'
  if (!text) throw new Error(`PAYMENTS_URL is not set. Say where payments are made, ${example}.`)
  if (!/^https?:/.test(text) || !URL.canParse(text)) {
    throw new Error(
      `PAYMENTS_URL must be an http or https address, ${example}, but it is "${text}".`
    )
  }
  const url = new URL(text)
  try {
    await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(3000) })
  } catch {
    throw new Error(
      `The payments service does not answer at ${text}. Start it, or correct PAYMENTS_URL.`
    )
  }
  return url
}

/**
 * @param {string} text
 * @param {string} [name] of the setting
 */
function portOf(text, name = 'PORT') {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`${name} must be a whole number from 0 to 65535, but it is "${text}".`)
}
