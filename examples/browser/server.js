/**
 * Runs the page on PORT (3000) and the API on API_PORT (3001).
 */
import { start } from './start.js'

const { pageUrl } = await start({
  pagePort: Number(process.env.PORT ?? 3000),
  apiPort: Number(process.env.API_PORT ?? 3001)
})
console.log(`Open ${pageUrl} in a browser and press the button four times.`)
