/**
 * Starts everything the example needs: the payments service as a child process, and the gateway in
 * this one. Signals therefore reach the gateway itself and its exit code is the command's; the
 * child leaves when this process has left, however that happened.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const payments = fork(fileURLToPath(new URL('payments.js', import.meta.url)))
// The child has said why in a sentence of its own.
const leave = () => process.exit(1)
payments.once('exit', leave)
const [{ port }] = await once(payments, 'message')
payments.off('exit', leave)
// From here on only the gateway keeps this process alive.
payments.unref()
payments.channel?.unref()

const paymentsUrl = `http://localhost:${port}`
process.env.PAYMENTS_URL = paymentsUrl
process.env.CONSOLE_PORT ??= '9464'
const { app } = await import('./server.js')
const url = `http://localhost:${new URL(app.listeningOrigin).port}`

console.log(`
The orders API listens on ${url}, the payments service behind it on ${paymentsUrl}.
The console, to watch them: ${app.holdfastConsole.url}
The process id is ${process.pid}. In another terminal:

  an order               curl -i ${url}/orders/1
  too many of them       for i in $(seq 25); do curl -s -o /dev/null -w '%{http_code} ' ${url}/orders/1; done
  a new order            curl -i ${url}/orders -H 'content-type: application/json' -d '{"item":"tea","amount":4.5}'
  payments fail          curl -X PUT ${paymentsUrl}/behaviour -H 'content-type: application/json' -d '{"mode":"fail"}'
                         ... and the new order again, six times: the breaker opens, the answer is 202
  payments are uneven    the same with {"mode":"uneven"}: each third call has no answer, and is made again
  stop under load        node examples/gateway/load.js ${url}
                         ... and meanwhile: kill -TERM ${process.pid}

The whole walk: examples/gateway/README.md. Stop with Ctrl-C.
`)
