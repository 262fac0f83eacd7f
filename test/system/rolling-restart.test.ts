import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePorts } from '../support/haproxy.js'
import { startNode } from '../support/process.ts'
import { rollingRestart } from '../support/rolling-restart.js'

t.setTimeout(300_000)

const payments = fileURLToPath(new URL('../../examples/gateway/payments.js', import.meta.url))
const gateway = fileURLToPath(new URL('../../examples/gateway/server.js', import.meta.url))

t.test(
  'three gateways behind HAProxy, restarted five times under load: no request fails',
  async (t) => {
    const [paymentsPort] = await freePorts(1)
    const behind = startNode([payments], {
      env: { HOST: '127.0.0.1', PAYMENTS_PORT: `${paymentsPort}` }
    })
    t.teardown(behind.stop)
    const paymentsUrl = `http://127.0.0.1:${paymentsPort}`
    while (!(await fetch(`${paymentsUrl}/behaviour`).catch(() => undefined))) await wait(20)

    const outputs: string[] = []
    const tally = await rollingRestart({
      rolls: 5,
      clients: 30,
      async start(port) {
        const running = startNode([gateway], {
          env: {
            HOST: '127.0.0.1',
            PORT: `${port}`,
            PAYMENTS_URL: paymentsUrl,
            ORDER_READS: '1000000',
            DRAIN_DELAY: '1s'
          }
        })
        await running.printed(/listening at/)
        return {
          async stop() {
            running.signal('SIGTERM')
            const { code, signal } = await running.exited
            outputs.push(running.output())
            return String(signal ?? code)
          },
          kill: running.stop
        }
      },
      request(client, sent) {
        const headers = { 'x-forwarded-for': `192.0.2.${client + 1}` }
        if (sent % 20 !== 0) return { method: 'GET', path: '/orders/1', headers }
        return {
          method: 'POST',
          path: '/orders',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify({ item: 'tea', amount: 4.5 })
        }
      }
    })

    t.same(tally.failed, {}, `${tally.answered} were answered`)
    t.ok(tally.answered > 1000, 'there was load')
    t.same(tally.exits, Array(15).fill('0'), 'every instance finished its work')
    for (const { svname, stot, econ, eresp } of tally.servers) {
      t.ok(Number(stot) > 100, `${svname} took its part of the load`)
      t.same(
        { econ, eresp },
        { econ: '0', eresp: '0' },
        `HAProxy has nothing to say against ${svname}`
      )
    }
    for (const output of outputs) t.match(output, /"cut":0/)
    t.comment(`${tally.answered} requests answered, ${JSON.stringify(tally.failed)} failed`)
  }
)
