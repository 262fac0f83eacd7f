/**
 * Runs the API on PORT (3000).
 */
import { createApi } from './app.js'

const app = await createApi({ logger: true })
await app.listen({ port: Number(process.env.PORT ?? 3000) })
