/**
 * Serves one variant over HTTP in a process of its own, and tells its CPU time when asked.
 *
 * Usage: startChild([http-server.js, module of variants, variant])
 */
import { pathToFileURL } from 'node:url'

// Before anything that may hang.
process.on('disconnect', () => process.exit(0))

const [, , modulePath = '', variantName = ''] = process.argv

/** @type {{ variants: Record<string, import('./in-process.js').Variant> }} */
const { variants } = await import(pathToFileURL(modulePath).href)
const variant = variants[variantName]
if (variant === undefined) throw new Error(`no variant ${variantName} in ${modulePath}`)
const { app, request } = await variant()
await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0

process.on('message', () => {
  process.send?.(process.cpuUsage())
})
process.send?.({ port, url: request?.url ?? '/', headers: request?.headers ?? {} })
