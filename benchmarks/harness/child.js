/**
 * A process that answers messages, so that several can stand ready and be asked in turn.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { nodeCommand } from './nodes.js'

/**
 * @typedef {Record<string, unknown>} Answer
 * @typedef {{ pid: number, hello: Answer, ask(question: string): Promise<Answer>, end(): void }} Child
 */

/**
 * Starts a script with a fresh Node, pinned to core 0 where the system can, and waits for its first
 * message. It ends when it is disconnected. An answer rejects when the process ends instead.
 *
 * @param {readonly string[]} command flags of Node, the script, its arguments
 * @returns {Promise<Child>}
 */
export async function startChild(command) {
  const [program = '', ...prefix] = nodeCommand()
  const child = spawn(program, [...prefix, ...command], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${command.join(' ')} ended with ${code ?? signal}`)
  })
  // Expected at the end, when nobody waits for a message any more.
  ended.catch(() => {})
  // A question to a process that has ended: whoever waits for the answer is told that.
  child.on('error', () => {})
  /** @returns {Promise<Answer>} */
  const answer = async () => {
    const [value] = await Promise.race([once(child, 'message'), ended])
    return value
  }
  return {
    pid: Number(child.pid),
    hello: await answer(),
    ask(question) {
      const answered = answer()
      child.send(question)
      return answered
    },
    end() {
      // One that failed is gone already.
      if (child.connected) child.disconnect()
    }
  }
}
