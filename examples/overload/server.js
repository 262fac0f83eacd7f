/**
 * A shop whose every answer takes 5 ms of CPU: it can give some 190 a second. Started by `start.js`,
 * which is told its URL.
 */
import { loadShedding } from '@holdfast/load-shedding'
import Fastify from 'fastify'

const app = Fastify()
if (process.argv[2] === 'shedding') await app.register(loadShedding)

app.get('/pay', { config: { loadShedding: 'critical' } }, answer)
app.get('/browse', answer)
app.get('/report', { config: { loadShedding: 'bulk' } }, answer)

const url = await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.(url)
process.on('disconnect', () => process.exit(0))

async function answer() {
  const end = performance.now() + 5
  while (performance.now() < end);
  return 'done'
}
