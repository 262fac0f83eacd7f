import { requestQuestion } from '../harness/request-question.js'
import { onRequestPath } from '../variants/names.js'

export const requestLine = requestQuestion({
  name: 'request-line',
  title: 'The line of a request',
  asks: 'What does one line cost, with id, method, route, path, status, outcome, duration, time to first byte, bytes out and client address, written synchronously to /dev/null (ours also writes the user agent and the delay of the event loop)? And what does a line that is sampled out cost, compared with the same app with the default lines silenced?',
  versions: ['pino', 'pino-http'],
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
