import { requestQuestion } from '../harness/request-question.js'

export const lifecycle = requestQuestion({
  name: 'lifecycle',
  title: 'Counting requests in and out',
  asks: 'What does a service pay a request for a drain that drops nobody, with the pressure sensor on?',
  versions: ['@fastify/under-pressure'],
  variants: ['@fastify/under-pressure, four checks', 'holdfast lifecycle, with pressure sensor'],
  pairs: [
    {
      ours: 'holdfast lifecycle, with pressure sensor',
      peer: '@fastify/under-pressure, four checks',
      aim: 1
    }
  ],
  http: ['@fastify/under-pressure, four checks', 'holdfast lifecycle, with pressure sensor']
})
