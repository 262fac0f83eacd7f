/**
 * A rolling restart: instances of a service behind a balancer, under constant load, stopped and
 * started one after the other. Whose service it is, and how it stops, is the caller's.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import { freePorts, startHaproxy } from './haproxy.js'

const INSTANCES = 3
const PAUSE = 20

/**
 * @typedef {object} Instance
 * @property {() => Promise<string>} stop asks it to leave, and resolves with its exit code or signal
 * @property {() => unknown} kill
 */

/**
 * @typedef {object} Roll
 * @property {(port: number) => Promise<Instance>} start resolves when it listens
 * @property {number} rolls how often all instances are restarted
 * @property {number} clients each sends one request after the other
 * @property {(client: number, sent: number) => import('undici').Dispatcher.RequestOptions} request
 */

/**
 * @typedef {object} Tally
 * @property {number} answered requests answered with 2xx
 * @property {Record<string, number>} failed the others: by status, or by the error's code
 * @property {string[]} exits one for each instance that was stopped
 * @property {import('./haproxy.js').ServerFacts[]} servers what the balancer counted
 */

/** @param {Roll} roll @returns {Promise<Tally>} */
export async function rollingRestart({ start, rolls, clients, request }) {
  const ports = await freePorts(INSTANCES)
  const instances = await Promise.all(ports.map(start))
  const balancer = await startHaproxy(ports)
  const pool = new Pool(balancer.url, { connections: clients })
  /** @type {Tally} */
  const tally = { answered: 0, failed: {}, exits: [], servers: [] }
  let sending = true

  /** @param {number} client */
  const send = async (client) => {
    for (let sent = 0; sending; sent++) {
      let failure
      try {
        const { statusCode, body } = await pool.request(request(client, sent))
        await body.dump()
        if (statusCode < 200 || statusCode > 299) failure = String(statusCode)
      } catch (error) {
        failure = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      }
      if (failure === undefined) tally.answered++
      else tally.failed[failure] = (tally.failed[failure] ?? 0) + 1
      await wait(PAUSE)
    }
  }

  try {
    for (const index of ports.keys()) await balancer.turned(index, 'UP')
    const load = Array.from({ length: clients }, (_, client) => send(client))
    await wait(500)
    for (let roll = 0; roll < rolls; roll++) {
      for (const [index, port] of ports.entries()) {
        tally.exits.push(await /** @type {Instance} */ (instances[index]).stop())
        await balancer.turned(index, 'DOWN')
        instances[index] = await start(port)
        await balancer.turned(index, 'UP')
      }
    }
    await wait(500)
    sending = false
    await Promise.all(load)
    tally.servers = await balancer.servers()
    return tally
  } finally {
    sending = false
    for (const instance of instances) await instance.kill()
    await pool.destroy()
    await balancer.stop()
  }
}
