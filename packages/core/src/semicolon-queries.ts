import type { FastifyInstance } from 'fastify'

/**
 * Whether a `;` in a request target begins the query too: Fastify's `useSemicolonDelimiter`, in its
 * old place and its new one.
 */
export function hasSemicolonQueries({ initialConfig }: FastifyInstance): boolean {
  const { useSemicolonDelimiter, routerOptions = {} } = initialConfig
  if ('useSemicolonDelimiter' in routerOptions) return routerOptions.useSemicolonDelimiter === true
  return useSemicolonDelimiter === true
}
