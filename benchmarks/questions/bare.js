import { requestQuestion } from '../harness/request-question.js'

const HOOK = 'one onRequest hook'
const SLOWED = 'a hook that spins for 0.5 us'

export const bare = requestQuestion({
  name: 'bare',
  title: 'The instrument',
  asks: 'What does a hook cost, and would half a microsecond be seen? The control and the deliberate slow-down show how far the other figures can be trusted.',
  variants: [HOOK, SLOWED],
  slowed: [{ slow: SLOWED, beside: HOOK }],
  http: [HOOK, SLOWED]
})
