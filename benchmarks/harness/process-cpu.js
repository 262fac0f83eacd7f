/**
 * What a process took of the CPU, seen from outside, as Linux tells it.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const TICKS_A_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100

/** Microseconds, user and system together. @param {number} pid */
export function cpuOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name before them may hold spaces, but no further parenthesis follows it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [fields[11], fields[12]]
  return ((Number(user) + Number(system)) / TICKS_A_SECOND) * 1e6
}
