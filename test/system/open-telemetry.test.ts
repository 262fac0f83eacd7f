/**
 * The API and the SDK of OpenTelemetry that need Node 22: the same metrics and span attributes.
 */
import { join } from 'node:path'
import t from 'tap'
import { linesOf, NODES } from '../support/other-node.ts'
import { root } from '../support/pack.js'

const script = join(root, 'test/open-telemetry-3/pair.js')

// Two requests, one of them refused, with each of two ways to trace them.
const counts = {
  'http.server.request.duration': 2,
  'holdfast.rate_limit.requests': 2,
  'holdfast.refusals': 1
}
const attributes = {
  'holdfast.refused_by': 'rate-limit',
  'holdfast.rate_limit.policy': 'default',
  'holdfast.rate_limit.result': 'denied'
}

for (const node of NODES.filter((node) => node >= 22)) {
  t.test(`the API 1.10 and the SDK 3 on Node ${node}`, async (t) => {
    const lines = await linesOf(node, script)
    const [fastifyOtel, instrumentationHttp, newerCopy] = lines.map((line) => JSON.parse(line))
    const told = { version: '1.10.0', counts, attributes, warnings: [] }
    t.strictSame(fastifyOtel, { name: '@fastify/otel', ...told })
    t.strictSame(instrumentationHttp, { name: 'instrumentation-http', ...told })
    t.match(newerCopy, { name: 'newer copy', statusCode: 200, warnings: { length: 1 } })
    t.match(newerCopy.warnings[0], /registered through version 1\.9\.1 .* loads a newer copy/)
  })
}
