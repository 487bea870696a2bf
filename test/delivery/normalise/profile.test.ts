import t from 'tap'
import { nameOf } from '../../../src/delivery/normalise/profile.ts'

t.test('a name has no numbers and addresses in it: names are shown to those who see these masked', async (t) => {
  const names: [given: string, name: string | null][] = [
    ['Jo Miller (+49 170 1234567)', 'Jo Miller'],
    ['Jo 01701234567', 'Jo'],
    ['+49 170 1234567 Jo', 'Jo'],
    ['Müller & Söhne - 0171 7654321', 'Müller & Söhne'],
    ['Jo jo.miller@example.com', 'Jo'],
    ['👍 +491701234567', null],
    ['(+49 170 1234567)', null],
    ['0170 1234567', null],
    ['jo@example.com', null],
    [' ', null],
  ]
  for (const [given, name] of names) t.equal(nameOf(given), name, given)
  for (const name of ['Jo', 'Agent 007', 'Łukasz 1990', 'Jo (Berlin)', 'C++']) t.equal(nameOf(name), name, 'as it is')
})
