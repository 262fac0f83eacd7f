/**
 * Starts a private Redis, tells its process number and folder, and waits to be killed.
 */
import { startPrivateRedis } from './redis.ts'

const redis = await startPrivateRedis({ pass: () => {}, teardown: () => {} })
const pid = /process_id:(\d+)/.exec(String(await redis?.cli('INFO', 'server')))?.[1]
const dir = (await redis?.cli('CONFIG', 'GET', 'dir')) as string[] | undefined
console.log(JSON.stringify({ pid: Number(pid), folder: dir?.[1] }))
