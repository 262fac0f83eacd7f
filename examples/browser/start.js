import { createApi, createPage } from './app.js'

/**
 * Starts the page and its API. Port 0 is a free one.
 *
 * @param {{ pagePort: number, apiPort: number, level?: string }} settings
 */
export async function start({ pagePort, apiPort, level = 'info' }) {
  let apiUrl = ''
  const page = await createPage({ api: () => apiUrl, level })
  const pageUrl = await page.listen({ port: pagePort, host: '127.0.0.1' })
  const api = await createApi({ page: pageUrl, level })
  apiUrl = await api.listen({ port: apiPort, host: '127.0.0.1' })
  return {
    pageUrl,
    apiUrl,
    close: async () => {
      await page.close()
      await api.close()
    }
  }
}
