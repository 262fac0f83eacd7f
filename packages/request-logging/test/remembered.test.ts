import t from 'tap'
import { remembered } from '../dist/remembered.js'

t.test('what is made of a text is remembered, within a bound', async (t) => {
  let made = 0
  const lengthOf = remembered((text) => {
    made++
    return String(text.length)
  })
  for (let time = 0; time < 3; time++) t.equal(lengthOf('GET'), '3')
  t.equal(made, 1)
  const long = 'a'.repeat(257)
  for (let time = 0; time < 2; time++) t.equal(lengthOf(long), '257')
  t.equal(made, 3, 'a text that no name would be is made each time')
  for (let name = 0; name < 999; name++) lengthOf(`name ${name}`)
  lengthOf('GET')
  t.equal(made, 1002, 'a thousand are kept')
  lengthOf('one more')
  lengthOf('GET')
  t.equal(made, 1004, 'then it begins again')
})
