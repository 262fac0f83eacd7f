/**
 * How long to look. A smoke run proves that the scripts work and says nothing about time.
 *
 * The run goes over its questions in `passes`, and in each of them over the variants in `rounds`,
 * forwards and backwards.
 *
 * @typedef {{ name: 'full' | 'short' | 'smoke', passes: number, rounds: number, httpRounds: number, warmUp: number, requests: number, samples: number, seconds: number }} Effort
 */

// Before some 70,000 requests, what is compiled late is still being compiled.
/** @type {Record<Effort['name'], Effort>} */
const efforts = {
  full: {
    name: 'full',
    passes: 5,
    rounds: 2,
    httpRounds: 2,
    warmUp: 100_000,
    requests: 20_000,
    samples: 15,
    seconds: 1
  },
  short: {
    name: 'short',
    passes: 2,
    rounds: 2,
    httpRounds: 3,
    warmUp: 100_000,
    requests: 10_000,
    samples: 9,
    seconds: 1
  },
  smoke: {
    name: 'smoke',
    passes: 1,
    rounds: 1,
    httpRounds: 1,
    warmUp: 200,
    requests: 200,
    samples: 1,
    seconds: 0.2
  }
}

/** Reads `--short` or `--smoke` from the command line; without them the effort is full. */
export function effortOf(argv = process.argv) {
  if (argv.includes('--smoke')) return efforts.smoke
  return argv.includes('--short') ? efforts.short : efforts.full
}
