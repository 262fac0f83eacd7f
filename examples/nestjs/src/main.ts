/**
 * Runs the shop on PORT (3000). There is no `enableShutdownHooks()`: signals go one way, to lifecycle.
 */
import { createShop } from './app.js'

const app = await createShop()
await app.listen(Number(process.env['PORT'] ?? 3000), '0.0.0.0')
