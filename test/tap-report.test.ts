import t from 'tap'
import { TapReport } from './support/tap-report.js'

function reported(stream: string): { report: TapReport; lines: string[] } {
  const lines: string[] = []
  const report = new TapReport((line) => lines.push(line))
  for (const line of stream.split('\n')) report.line(line)
  report.end()
  return { report, lines }
}

t.test('a passing file is one line, and its tests are counted rather than its assertions', (t) => {
  const { report, lines } = reported(`TAP version 14
1..1
# Subtest: test/a.test.ts
    # Subtest: a group
        # Subtest: one \\# hash
            ok 1 - should be equal
            ok 2 - should be equal
            1..2
        ok 1 - one \\# hash # time=4.949ms

        # Subtest: nothing asserted
            1..0
        ok 2 - nothing asserted
        1..2
    ok 1 - a group # time=7.972ms

    1..1
    # time=39.675ms
ok 1 - test/a.test.ts # time=39.675ms

# { total: 2, pass: 2 }
# time=2236.624ms
`)
  t.same(lines, ['ok   test/a.test.ts 40 ms'])
  t.equal(report.counts, '2 passed, 0 failed')
  t.end()
})

t.test('of a failure everything is printed, and it is counted where it happened', (t) => {
  const { report, lines } = reported(`# Subtest: test/a.test.ts
    # Subtest: outer
        ok 1 - fine
        # Subtest: inner
            not ok 1 - should be equal
              ---
              diff: |
                -2
                +1
              ...
            1..1
        not ok 2 - inner # time=1ms
          ---
          at: somewhere
          ...
        1..2
    not ok 1 - outer # time=2ms
    1..1
not ok 1 - test/a.test.ts # time=3ms
  ---
  exitCode: 1
  ...
ERROR: Coverage is missing
`)
  t.same(lines, [
    'FAIL test/a.test.ts 3 ms',
    '',
    '     not ok: test/a.test.ts > outer > inner > should be equal',
    '       diff: |',
    '         -2',
    '         +1',
    '',
    'ERROR: Coverage is missing'
  ])
  t.equal(report.counts, '1 passed, 1 failed')
  t.end()
})

t.test('a file that fails without a failing test counts as a failure and is named', (t) => {
  const { report, lines } = reported(`# Subtest: test/a.test.ts
    # Subtest: fine
        ok 1 - fine
        1..1
    ok 1 - fine
not ok 1 - timeout!
  ---
  expired: test/a.test.ts
  ...`)
  t.match(lines, ['FAIL test/a.test.ts', '', /test\/a\.test\.ts$/, /expired/, ''])
  t.equal(report.counts, '1 passed, 1 failed')
  t.end()
})

t.test('skipped tests are counted once each, with what was said of them', (t) => {
  const { report, lines } = reported(`# Subtest: test/a.test.ts
    # Subtest: in the middle
        ok 1 - the test finds a Redis # SKIP no Redis
        1..1
    ok 1 - in the middle # time=1ms
    ok 2 - from the start # SKIP no time
    # Subtest: by plan
        1..0 # not here
    ok 3 - by plan # SKIP not here
    ok 4 - some day # TODO
    # Subtest: true
        ok 1 - true
        1..1
    ok 5 - true
    1..5
ok 1 - test/a.test.ts # time=3ms
# Subtest: test/b.test.ts
    1..0 # no Redis
ok 2 - test/b.test.ts # SKIP no Redis`)
  t.same(lines, ['ok   test/a.test.ts 3 ms', 'skip test/b.test.ts (no Redis)'])
  t.equal(report.counts, '1 passed, 0 failed, 5 skipped')
  t.same(report.reasons, ['no Redis', 'no time', 'not here', 'some day', 'no Redis'])
  t.end()
})
