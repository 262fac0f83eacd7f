/**
 * Reads the TAP stream of the test runner: counts its tests, and words it for a log - one line a
 * file, and of a failure everything there is.
 *
 * A test is a named test with assertions of its own, or a skipped one; a group that only holds other
 * tests is not counted.
 *
 * @typedef {object} Point A line that says "ok" or "not ok", with what was found beneath it.
 * @property {string} name
 * @property {boolean} ok
 * @property {boolean} skipped
 * @property {string} reason Why it was skipped.
 * @property {Point[]} children
 * @property {boolean} holdsTests False for a plain assertion.
 * @property {string[]} details The lines of its YAML block, without indentation.
 */

const point =
  /^( *)(not )?ok \d+(?: - (.*?))??(?: # (SKIP|TODO)\b ?(.*?))?(?: # time=([\d.]+m?s))?$/
const step = 4
/** A row of the coverage table; those of files are indented by one or two. */
const coverageRow = /^ {1,2}\S.*\|.*\|/

/** Gathers points as lines come in, and prints those of a file when the file is complete. */
export class TapReport {
  passed = 0
  failed = 0
  skipped = 0
  /** What was said of every skipped test. @type {string[]} */
  reasons = []

  /** Points waiting for the line that closes them, by depth. @type {Point[][]} */
  #open = [[]]
  /** Names announced and not yet closed, by depth. @type {string[]} */
  #announced = []
  /** The point whose YAML block may follow. @type {Point | undefined} */
  #last
  /** The indentation of the YAML block being read; -1 outside of one. */
  #yaml = -1
  /** A complete file, kept until it is certain that no YAML block follows. @type {Point | undefined} */
  #file
  #time = ''
  #print

  /** @param {(line: string) => void} print Takes the lines worth printing. */
  constructor(print) {
    this.#print = print
  }

  /** Takes one line of the stream. @param {string} line */
  line(line) {
    const indent = line.length - line.trimStart().length
    if (this.#yaml >= 0) {
      if (line.trimEnd() === `${' '.repeat(this.#yaml)}...`) this.#yaml = -1
      else this.#last?.details.push(line.slice(this.#yaml))
      return
    }
    if (line.trim() === '---' && this.#last !== undefined && indent % step === 2) {
      this.#yaml = indent
      return
    }
    const match = point.exec(line)
    if (match !== null) return this.#close(indent / step, match)
    const text = line.trim()
    if (text.startsWith('# Subtest: ')) {
      this.#flush()
      this.#announced[indent / step] = unescaped(text.slice('# Subtest: '.length))
    } else if ((indent === 0 && !isChatter(text)) || coverageRow.test(line)) {
      this.#flush()
      this.#print(line)
    }
  }

  /** Prints what is still waiting; to be called once, after the last line. */
  end() {
    this.#flush()
  }

  /** `412 passed, 0 failed`, and how many were skipped if any were. */
  get counts() {
    const skipped = this.skipped === 0 ? '' : `, ${this.skipped} skipped`
    return `${this.passed} passed, ${this.failed} failed${skipped}`
  }

  /** @param {number} depth @param {RegExpExecArray} match */
  #close(depth, [, , not, name = '', directive, reason = '', time = '']) {
    this.#flush()
    const announced = this.#announced[depth]
    const children = this.#open[depth + 1] ?? []
    this.#open.length = depth + 1
    this.#announced.length = Math.min(this.#announced.length, depth)
    /** @type {Point} */
    const closed = {
      // A file that ran into its time limit is closed by a nameless "timeout!".
      name: announced ?? unescaped(name),
      ok: not === undefined || directive !== undefined,
      skipped: directive !== undefined,
      reason: unescaped(reason),
      children,
      holdsTests: announced !== undefined,
      details: []
    }
    for (let above = 0; above < depth; above++) this.#open[above] ??= []
    const siblings = this.#open[depth] ?? []
    this.#open[depth] = siblings
    siblings.push(closed)
    this.#last = closed
    if (depth === 0) {
      this.#file = closed
      this.#time = time
      this.#open = [[]]
    }
  }

  #flush() {
    const file = this.#file
    this.#file = undefined
    this.#last = undefined
    if (file === undefined) return
    this.#count(file)
    const mark = file.skipped ? 'skip' : file.ok ? 'ok  ' : 'FAIL'
    const why = file.skipped && file.reason !== '' ? ` (${file.reason})` : ''
    this.#print(`${mark} ${file.name}${why}${this.#time === '' ? '' : ` ${rounded(this.#time)}`}`)
    this.#explain(file, [])
  }

  /** @param {Point} test */
  #count(test) {
    const { children } = test
    if (test.skipped) {
      this.skipped++
      this.reasons.push(test.reason === '' ? test.name : test.reason)
      return
    }
    const own = children.filter((child) => !child.holdsTests && !child.skipped)
    const brokenItself = !test.ok && children.every((child) => child.ok)
    if (brokenItself || own.some((child) => !child.ok)) this.failed++
    else if (own.length > 0 || children.length === 0) this.passed++
    for (const child of children) if (child.holdsTests || child.skipped) this.#count(child)
  }

  /** Prints a failure where it happened, with the path that leads there. @param {Point} from @param {string[]} path */
  #explain(from, path) {
    if (from.ok) return
    const here = [...path, from.name]
    const broken = from.children.filter((child) => !child.ok)
    for (const child of broken) this.#explain(child, here)
    if (broken.length > 0) return
    this.#print('')
    this.#print(`     not ok: ${here.join(' > ')}`)
    for (const detail of from.details) this.#print(`       ${detail}`.trimEnd())
    this.#print('')
  }
}

/** @param {string} text */
function unescaped(text) {
  return text.replaceAll(/\\([\\#])/g, '$1')
}

/** Plans, versions, counts and times: what the closing lines say better. @param {string} text */
function isChatter(text) {
  return text === '' || /^(TAP version|\d+\.\.\d+|# (time=|\{ total))/.test(text)
}

/** @param {string} time Such as `39.675ms`. */
function rounded(time) {
  return time.endsWith('ms') ? `${Math.round(Number.parseFloat(time))} ms` : time
}
