import { requestQuestion } from '../harness/request-question.js'

export const requestLine = requestQuestion({
  name: 'request-line',
  title: 'The line of a request',
  asks: 'What does one line cost, with id, method, route, path, status, outcome, duration, time to first byte, bytes out and client address, written synchronously to /dev/null (ours also writes the user agent and the delay of the event loop)? And what does a line cost that is sampled out, over the same app with the default lines silenced?',
  versions: ['pino', 'pino-http'],
  variants: [
    "Fastify's own lines",
    'logger on, default lines silenced',
    'pino-http, as it comes',
    'pino-http, fixed fields',
    "holdfast request-logging, Fastify's logger on",
    "holdfast request-logging, Fastify's logger off",
    'holdfast request-logging, sampled out'
  ],
  pairs: [
    {
      ours: "holdfast request-logging, Fastify's logger on",
      peer: "Fastify's own lines",
      aim: 0.35
    },
    {
      ours: "holdfast request-logging, Fastify's logger off",
      peer: 'pino-http, fixed fields',
      aim: 0.7
    },
    {
      ours: "holdfast request-logging, Fastify's logger off",
      peer: 'pino-http, as it comes',
      aim: 0.7
    }
  ],
  http: [
    "Fastify's own lines",
    'pino-http, fixed fields',
    "holdfast request-logging, Fastify's logger off"
  ]
})
