import Fastify from 'fastify'
import t from 'tap'
import { hasSemicolonQueries } from '../dist/index.js'

t.test('whether a semicolon begins the query, as Fastify was told in either place', (t) => {
  const told = (options: object): boolean => hasSemicolonQueries(Fastify(options))
  t.equal(told({}), false)
  t.equal(told({ useSemicolonDelimiter: true }), true)
  t.equal(told({ routerOptions: { useSemicolonDelimiter: true } }), true)
  t.equal(told({ routerOptions: { useSemicolonDelimiter: false } }), false)
  t.end()
})
