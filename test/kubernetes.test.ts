/**
 * The manifest of the example against the service it runs.
 */
import { readFileSync } from 'node:fs'
import { lifecycle } from '@holdfast/lifecycle'
import Fastify from 'fastify'
import t from 'tap'
import { parseAllDocuments } from 'yaml'

interface Probe {
  readonly httpGet: { path: string; port: string }
}

interface Manifest {
  readonly kind: string
  readonly metadata: { name: string }
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly containers: {
          readonly ports: { name: string }[]
          readonly startupProbe: Probe
          readonly livenessProbe: Probe
          readonly readinessProbe: Probe
        }[]
      }
    }
  }
}

t.test(
  'the example for Kubernetes grants more than the service takes, and asks its probes',
  async (t) => {
    const text = readFileSync(
      new URL('../examples/kubernetes/gateway.yaml', import.meta.url),
      'utf8'
    )
    const documents = parseAllDocuments(text)
    t.same(
      documents.flatMap(({ errors }) => errors),
      []
    )
    const all = documents.map((document): Manifest => document.toJS())
    const gateway = all.find(({ kind, metadata: { name } }) => kind + name === 'Deploymentgateway')
    if (gateway === undefined) throw new Error('there is no Deployment of the gateway')

    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(lifecycle, { signals: false })
    const { terminationGracePeriodSeconds, containers } = gateway.spec.template.spec
    t.ok(terminationGracePeriodSeconds > 30, "lifecycle's gracePeriod and the exit")
    for (const { ports, startupProbe, livenessProbe, readinessProbe } of containers) {
      for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
        t.equal(httpGet.port, ports[0]?.name)
        t.ok(app.hasRoute({ method: 'GET', url: httpGet.path }), httpGet.path)
      }
    }
  }
)
