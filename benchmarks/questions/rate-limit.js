import { requestQuestion } from '../harness/request-question.js'

export const rateLimit = requestQuestion({
  name: 'rate-limit',
  title: 'A limited request',
  asks: 'What does a limit add to a request it allows, headers included, and to one it refuses?',
  versions: ['@fastify/rate-limit'],
  variants: [
    '@fastify/rate-limit, allowed',
    'holdfast rate-limit, allowed',
    'holdfast rate-limit, allowed, no headers',
    'holdfast rate-limit, allowed by ten policies',
    '@fastify/rate-limit, refused',
    'holdfast rate-limit, refused'
  ],
  pairs: [
    { ours: 'holdfast rate-limit, allowed', peer: '@fastify/rate-limit, allowed', aim: 0.55 },
    { ours: 'holdfast rate-limit, refused', peer: '@fastify/rate-limit, refused', aim: 0.2 }
  ],
  wholes: [
    {
      more: 'holdfast rate-limit, allowed by ten policies',
      less: 'holdfast rate-limit, allowed',
      aim: 3
    }
  ],
  http: [
    '@fastify/rate-limit, allowed',
    'holdfast rate-limit, allowed',
    '@fastify/rate-limit, refused',
    'holdfast rate-limit, refused'
  ]
})
