/**
 * Says in one sentence why a service cannot start, and ends the process with exit code 1.
 *
 * @param {unknown} error
 * @returns {never}
 */
export function giveUp(error) {
  console.error(sentence(error))
  process.exit(1)
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function sentence(error) {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'EADDRINUSE') {
    const port = 'port' in error ? error.port : 'given'
    return `The port ${port} is already in use. Stop what listens there, or choose others: PORT is the gateway's, PAYMENTS_PORT the payments service's.`
  }
  if ('code' in error && error.code === 'HOLDFAST_ERR_ADMIN_PORT_TAKEN') {
    return 'The port of the console is already in use. Stop what listens there, or choose another one: CONSOLE_PORT=9465.'
  }
  return error.message
}
