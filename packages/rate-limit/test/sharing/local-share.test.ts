import t from 'tap'
import { type Policies, policyOf } from '../../dist/policy.js'
import { localShareOf } from '../../dist/sharing/local-share.js'

t.test('the shares of all processes are the limit, or one each', async (t) => {
  for (const algorithm of ['token-bucket', 'sliding-window', 'fixed-window'] as const) {
    const of = (max: number): Policies => [policyOf('p', { max, timeWindow: 1000, algorithm })]
    const capacity = (max: number, instances: number) =>
      localShareOf(of(max), instances)[0].algorithm.capacity
    t.strictSame([capacity(100, 4), capacity(10, 4), capacity(3, 4), capacity(0, 4)], [25, 2, 1, 0])
    const policies = of(100)
    t.equal(localShareOf(policies, 1), policies)
    const account = { expiresAt: -Infinity, used: 0, previous: 0 }
    const [{ algorithm: share }] = localShareOf(policies, 4)
    share.advance(account, 0)
    share.take(account, 25, 0)
    t.ok(share.wait(account, 25, 0) >= 1e9, 'it is back after a window, not before')
  }
})
