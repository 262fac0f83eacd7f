/**
 * Orders tea. When the API says 429, the button waits as long as `Retry-After` says, and shows it.
 */
const button = /** @type {HTMLButtonElement} */ (document.querySelector('button'))
const status = /** @type {HTMLElement} */ (document.querySelector('[role="status"]'))
const { api } = await (await fetch('/settings.json')).json()

button.addEventListener('click', order)
button.disabled = false

async function order() {
  button.disabled = true
  try {
    const answer = await fetch(new URL('/orders', api), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"item":"tea"}'
    })
    if (answer.status === 429) await countDown(Number(answer.headers.get('retry-after')))
    else status.textContent = await describe(answer)
  } catch (error) {
    status.textContent = `The shop cannot be reached: ${error}`
  }
  button.disabled = false
}

/** @param {number} seconds */
async function countDown(seconds) {
  for (let left = seconds; left > 0; left--) {
    status.textContent = `Too many orders. Try again in ${left} s.`
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  status.textContent = 'You can order again.'
}

/** @param {Response} answer */
async function describe(answer) {
  if (!answer.ok) return `Not ordered: the shop answered ${answer.status}.`
  const { id } = await answer.json()
  // The field reads: "default";r=2;t=4
  const [, left] = /r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '') ?? []
  return `Ordered: number ${id}. ${left} more at once.`
}
