// @ts-check
/**
 * Numbers as people read them.
 */

/**
 * A count: `1,312`, `12.4 k`.
 *
 * @param {number} value
 */
export function count(value) {
  if (value < 10_000) return whole.format(value)
  return value < 1_000_000 ? `${decimals(value / 1000)} k` : `${decimals(value / 1_000_000)} M`
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/**
 * How often a second: `0`, `0.4/s`, `1,312/s`.
 *
 * @param {number} value
 */
export function perSecond(value) {
  if (value === 0) return '0/s'
  return value < 10 ? `${decimals(value)}/s` : `${count(value)}/s`
}

/**
 * A part of a whole, 0 to 1: `40 %`. What is not nothing, or not all, never looks so.
 *
 * @param {number} value
 */
export function share(value) {
  const percent = value * 100
  if (percent > 0 && percent < 1) return '< 1 %'
  if (percent < 100 && percent > 99) return '> 99 %'
  return `${Math.round(percent)} %`
}

/**
 * A time in milliseconds for a technical eye: `0.8 ms`, `240 ms`, `1.2 s`.
 *
 * @param {number} milliseconds
 */
export function latency(milliseconds) {
  if (milliseconds < 10) return `${decimals(milliseconds)} ms`
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  return `${decimals(milliseconds / 1000)} s`
}

/**
 * A time in milliseconds in the words of a clock on the wall: `4 s`, `3 min 20 s`, `2 h 5 min`, `3 days`.
 *
 * @param {number} milliseconds
 */
export function lasting(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return two(minutes, 'min', seconds % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return two(hours, 'h', minutes % 60, 'min')
  return `${Math.floor(hours / 24)} days`
}

/**
 * @param {number} large
 * @param {string} unit
 * @param {number} small
 * @param {string} smallUnit
 */
function two(large, unit, small, smallUnit) {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`
}

/**
 * Seconds until something happens, never 0 before it does.
 *
 * @param {number} milliseconds
 */
export function until(milliseconds) {
  return lasting(Math.ceil(milliseconds / 1000) * 1000)
}

/**
 * Memory: `84 MB`, `1.4 GB`.
 *
 * @param {number} bytes
 */
export function memory(bytes) {
  const megabytes = bytes / 2 ** 20
  return megabytes < 1024 ? `${Math.round(megabytes)} MB` : `${decimals(megabytes / 1024)} GB`
}

/**
 * `1 request`, `3 requests`.
 *
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`
}

/**
 * At most one digit after the point.
 *
 * @param {number} value
 */
function decimals(value) {
  return String(Math.round(value * 10) / 10)
}
