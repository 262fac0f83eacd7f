/**
 * A limit on the CPU of a process, as containers have it: a control group with a quota, where the machine
 * lets one be made.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ROOT = '/sys/fs/cgroup'
/** Microseconds, the kernel's default. */
const PERIOD = 100_000

/**
 * Makes a group that may use a share of one core; `undefined` where that cannot be done.
 *
 * @param {number} share 0 to 1
 * @returns {{ add(pid: number): void, remove(): Promise<void> } | undefined}
 */
export function makeQuota(share) {
  const isFirstVersion = existsSync(join(ROOT, 'cpu', 'cpu.cfs_quota_us'))
  const folder = join(ROOT, isFirstVersion ? 'cpu' : '', `holdfast-benchmark-${process.pid}`)
  const quota = Math.round(share * PERIOD)
  try {
    mkdirSync(folder)
    if (isFirstVersion) writeFileSync(join(folder, 'cpu.cfs_quota_us'), `${quota}`)
    else writeFileSync(join(folder, 'cpu.max'), `${quota} ${PERIOD}`)
  } catch {
    if (existsSync(folder)) rmdirSync(folder)
    return undefined
  }
  return {
    add(pid) {
      writeFileSync(join(folder, 'cgroup.procs'), `${pid}`)
    },
    async remove() {
      // The kernel needs a moment to see that its last process has ended.
      for (let tries = 0; tries < 100; tries++) {
        try {
          rmdirSync(folder)
          return
        } catch {
          await sleep(20)
        }
      }
      throw new Error(`${folder} cannot be removed`)
    }
  }
}
