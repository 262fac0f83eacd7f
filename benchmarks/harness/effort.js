/**
 * How long to look. A smoke run proves that the scripts work and says nothing about time.
 *
 * The run goes over its questions in `passes`, and in each of them over the variants in `rounds` with
 * fresh processes. In process a round has many short `turns`, in which a variant sends its `requests`;
 * over HTTP a pass has two pairs of servers, one for either order, and looks at each in `httpRounds`. Where
 * servers run one after the other, a pass has so many `processes` of each; they are under full load for
 * `warmUpSeconds`, and are then looked at for `lookSeconds`.
 *
 * @typedef {{ name: 'full' | 'short' | 'smoke', passes: number, rounds: number, httpRounds: number, processes: number, warmUp: number, requests: number, turns: number, seconds: number, warmUpSeconds: number, lookSeconds: number }} Effort
 */

// Before some 70,000 requests, what is compiled late is still being compiled.
/** @type {Record<Effort['name'], Effort>} */
const efforts = {
  full: {
    name: 'full',
    passes: 5,
    rounds: 4,
    httpRounds: 2,
    processes: 1,
    warmUp: 100_000,
    requests: 5000,
    turns: 61,
    seconds: 1,
    warmUpSeconds: 4,
    lookSeconds: 3
  },
  short: {
    name: 'short',
    passes: 2,
    rounds: 4,
    httpRounds: 2,
    processes: 2,
    warmUp: 100_000,
    requests: 5000,
    turns: 31,
    seconds: 1,
    warmUpSeconds: 4,
    lookSeconds: 1
  },
  smoke: {
    name: 'smoke',
    passes: 1,
    rounds: 1,
    httpRounds: 1,
    processes: 1,
    warmUp: 200,
    requests: 200,
    turns: 1,
    seconds: 0.2,
    warmUpSeconds: 0,
    lookSeconds: 0.2
  }
}

/** Reads `--short` or `--smoke` from the command line; without them the effort is full. */
export function effortOf(argv = process.argv) {
  if (argv.includes('--smoke')) return efforts.smoke
  return argv.includes('--short') ? efforts.short : efforts.full
}
