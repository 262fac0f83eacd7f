/**
 * The clients of the gateway, in three acts: all is well, payments fail, and one client reads too much while
 * payments have recovered.
 */
import { setTimeout as wait } from 'node:timers/promises'

const READS = 10
const TOO_MANY_READS = 60
const ORDERS = 5

/**
 * Plays the acts.
 *
 * @param {string} url the gateway
 * @param {string} paymentsUrl
 * @param {number} seconds in which all three are played
 * @param {(act: string) => void} tell is called at the beginning of each act
 */
export async function play(url, paymentsUrl, seconds, tell) {
  const act = (seconds * 1000) / 3
  tell('all is well')
  await send(url, READS, act)
  tell('payments fail')
  await behave(paymentsUrl, 'fail')
  await send(url, READS, act)
  tell('payments are back, and one client reads too much')
  await behave(paymentsUrl, 'ok')
  await send(url, TOO_MANY_READS, act)
}

/** @param {string} paymentsUrl @param {string} mode */
async function behave(paymentsUrl, mode) {
  await fetch(new URL('/behaviour', paymentsUrl), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mode })
  })
}

/**
 * Reads orders at a rate, and makes some.
 *
 * @param {string} url
 * @param {number} rate reads a second
 * @param {number} duration milliseconds
 */
async function send(url, rate, duration) {
  const running = []
  const start = Date.now()
  let reads = 0
  let orders = 0
  for (let elapsed = 0; elapsed < duration; elapsed = Date.now() - start) {
    for (; reads < (elapsed / 1000) * rate; reads++) running.push(read(url))
    for (; orders < (elapsed / 1000) * ORDERS; orders++) running.push(order(url))
    await wait(20)
  }
  await Promise.all(running)
}

/** @param {string} url */
async function read(url) {
  const response = await fetch(new URL('/orders/1', url))
  await response.arrayBuffer()
}

/** @param {string} url */
async function order(url) {
  const response = await fetch(new URL('/orders', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ item: 'tea', amount: 4.5 })
  })
  await response.arrayBuffer()
}
