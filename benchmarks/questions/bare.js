import { requestQuestion } from '../harness/request-question.js'

export const bare = requestQuestion({
  name: 'bare',
  title: 'The instrument',
  asks: 'What does a hook cost, and would half a microsecond be seen? The control and the deliberate slow-down show how far the other figures can be trusted.',
  variants: ['one onRequest hook', 'a hook that spins for 0.5 us'],
  http: ['one onRequest hook', 'a hook that spins for 0.5 us']
})
