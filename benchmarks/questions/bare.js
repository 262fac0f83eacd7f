import { requestQuestion } from '../harness/request-question.js'
import { onRequestPath } from '../variants/names.js'

export const bare = requestQuestion({
  name: 'bare',
  title: 'The instrument',
  asks: 'What does a hook cost, and would half a microsecond be seen? The control and the deliberate slow-down show how far the other figures can be trusted.',
  variants: [onRequestPath.hook, onRequestPath.slowHook],
  slowed: [{ slow: onRequestPath.slowHook, beside: onRequestPath.hook }],
  http: [onRequestPath.hook, onRequestPath.slowHook]
})
