import { requestQuestion } from '../harness/request-question.js'
import { onRequestPath } from '../variants/names.js'

export const lifecycle = requestQuestion({
  name: 'lifecycle',
  title: 'Counting requests in and out',
  asks: 'What does a drain that drops nobody cost for each request, with the pressure sensor on?',
  versions: ['@fastify/under-pressure'],
  variants: [onRequestPath.underPressure, onRequestPath.lifecycle],
  pairs: [
    {
      ours: onRequestPath.lifecycle,
      peer: onRequestPath.underPressure,
      aim: 1.2
    }
  ],
  http: [onRequestPath.underPressure, onRequestPath.lifecycle]
})
