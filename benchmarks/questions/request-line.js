import { requestQuestion } from '../harness/request-question.js'
import { onRequestPath } from '../variants/names.js'

export const requestLine = requestQuestion({
  name: 'request-line',
  title: 'The line of a request',
  asks: 'What does one line cost, with id, method, route, path, status, outcome, duration, time to first byte, bytes out and client address, written synchronously to /dev/null (ours also writes the user agent and the delay of the event loop)? And what does a line that is sampled out cost, compared with the same app with the default lines silenced?',
  versions: ['pino', 'pino-http'],
  background:
    "by a profile of the line with Fastify's logger on, a third is writing the text to the file, a fifth the logger that Fastify makes for each request (it goes away with Fastify's logger off), a fifth the text of the line; readings of the clock, ids and all that is noted are the rest.",
  variants: [
    onRequestPath.fastifyLines,
    onRequestPath.noLines,
    onRequestPath.pinoHttp,
    onRequestPath.pinoHttpOfFields,
    onRequestPath.requestLogging,
    onRequestPath.requestLoggingUnwritten,
    onRequestPath.requestLoggingAlone,
    onRequestPath.requestLoggingSampledOut
  ],
  pairs: [
    {
      ours: onRequestPath.requestLogging,
      peer: onRequestPath.fastifyLines,
      aim: 0.7
    },
    {
      ours: onRequestPath.requestLoggingAlone,
      peer: onRequestPath.pinoHttpOfFields,
      aim: 0.7
    },
    {
      ours: onRequestPath.requestLoggingAlone,
      peer: onRequestPath.pinoHttp,
      aim: 0.9
    }
  ],
  plot: 'The line of a request: added CPU, hot'
})
