import { createServer, request as get, type IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onHead, watchHead } from '@holdfast/core'
import t, { type Test } from 'tap'
import { warningsOf } from './warnings.ts'

/** Asks a server that watches the head of each of its answers. */
async function ask(t: Test): Promise<void> {
  const server = createServer((_request, response) => {
    watchHead(response)
    response.write('one')
    response.end('two')
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const answer = await new Promise<IncomingMessage>((resolve) => {
    get({ host: '127.0.0.1', port, agent: false }, resolve).end()
  })
  answer.resume()
  await new Promise((resolve) => answer.once('close', resolve))
}

t.test('the head of an answer is told once, also where it is only implied', async (t) => {
  let heads = 0
  const release = onHead(() => heads++)
  await ask(t)
  t.equal(heads, 1)
  release()
})

t.test('with the last listener, the class has its own method again', async (t) => {
  const given = ServerResponse.prototype.writeHead
  const counts = [0, 0]
  const releases = counts.map((_, index) =>
    onHead(() => {
      counts[index] = (counts[index] ?? 0) + 1
    })
  )
  await ask(t)
  t.not(ServerResponse.prototype.writeHead, given)
  releases[0]?.()
  releases[0]?.()
  t.not(ServerResponse.prototype.writeHead, given, 'there is another listener')
  await ask(t)
  releases[1]?.()
  t.same(counts, [1, 2])
  t.equal(ServerResponse.prototype.writeHead, given)
})

t.test('a class that inherits the method inherits it again', async (t) => {
  class Response extends ServerResponse {}
  const release = onHead(() => {})
  // Only the class is looked at.
  watchHead(Object.create(Response.prototype))
  t.ok(Object.hasOwn(Response.prototype, 'writeHead'))
  release()
  t.notOk(Object.hasOwn(Response.prototype, 'writeHead'))
})

t.test(
  'a listener that throws keeps neither the head nor the others, and is reported',
  async (t) => {
    const warnings = warningsOf(t)
    let heads = 0
    const releases = [
      onHead(() => {
        throw new Error('not now')
      }),
      onHead(() => heads++)
    ]
    await ask(t)
    t.equal(heads, 1)
    for (const release of releases) release()
    t.match(warnings, [{ message: /a listener to heads.*not now/s }])
  }
)

t.test(
  'under the wrapper of somebody else, a head is told once after any number of cycles',
  async (t) => {
    const given = ServerResponse.prototype.writeHead
    const releaseFirst = onHead(() => {})
    await ask(t)
    const ours = ServerResponse.prototype.writeHead
    let wrapped = 0
    const wrapper = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
      wrapped++
      return Reflect.apply(ours, this, args)
    }
    ServerResponse.prototype.writeHead = wrapper
    releaseFirst()
    for (let cycle = 1; cycle <= 3; cycle++) {
      let heads = 0
      const release = onHead(() => heads++)
      await ask(t)
      t.same([heads, wrapped], [1, cycle])
      t.equal(ServerResponse.prototype.writeHead, wrapper, 'who has wrapped the method keeps it')
      release()
    }

    // Who has wrapped it takes the wrapper away: with the next cycle everything is as it was.
    ServerResponse.prototype.writeHead = ours
    let heads = 0
    const release = onHead(() => heads++)
    await ask(t)
    release()
    t.equal(heads, 1)
    t.equal(ServerResponse.prototype.writeHead, given)
  }
)
