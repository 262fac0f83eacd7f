// @ts-check
/**
 * Makes the document look as it is described. What has not changed stays, with its focus and selection;
 * text is only ever text.
 */

/**
 * An element as it should be.
 *
 * @typedef {object} Wanted
 * @property {string} tag
 * @property {Readonly<Record<string, string | number | boolean>>} attributes `true` for one without a value, `false` for none
 * @property {readonly Child[]} children
 */

/** @typedef {Wanted | string} Child */

/**
 * Describes an element.
 *
 * @param {string} tag
 * @param {Wanted['attributes']} [attributes]
 * @param {...(Child | readonly Child[] | undefined | false)} children
 * @returns {Wanted}
 */
export function h(tag, attributes = {}, ...children) {
  const list = children.flat().filter((child) => child !== undefined && child !== false)
  return { tag, attributes, children: /** @type {Child[]} */ (list) }
}

/**
 * Makes the children of an element as they are described.
 *
 * @param {Element} parent
 * @param {readonly Child[]} children
 */
export function show(parent, children) {
  for (const [index, child] of children.entries()) {
    const present = parent.childNodes[index]
    if (present === undefined) parent.append(create(child))
    else if (!adapt(present, child)) present.replaceWith(create(child))
  }
  while (parent.childNodes.length > children.length) parent.lastChild?.remove()
}

/** @param {Child} child */
function create(child) {
  if (typeof child === 'string') return document.createTextNode(child)
  const element = document.createElement(child.tag)
  dress(element, child)
  return element
}

/**
 * Returns whether the node could be made as described.
 *
 * @param {ChildNode} node
 * @param {Child} child
 */
function adapt(node, child) {
  if (typeof child === 'string') {
    if (!(node instanceof Text)) return false
    if (node.data !== child) node.data = child
    return true
  }
  if (!(node instanceof Element) || node.localName !== child.tag) return false
  if (node.getAttribute('data-id') !== (child.attributes['data-id'] ?? null)) return false
  dress(node, child)
  return true
}

/**
 * @param {Element} element
 * @param {Wanted} wanted
 */
function dress(element, { attributes, children }) {
  for (const name of element.getAttributeNames()) {
    // A reader has opened it.
    if (!(name in attributes) && name !== 'open') element.removeAttribute(name)
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false) element.removeAttribute(name)
    else {
      const text = value === true ? '' : String(value)
      if (element.getAttribute(name) !== text) element.setAttribute(name, text)
    }
  }
  show(element, children)
}

/**
 * The element of the page with that id.
 *
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no element "${id}".`)
  return element
}

/**
 * A value with its name, as an entry of a list of descriptions.
 *
 * @param {string} name
 * @param {string} value
 * @param {string} [explanation] for who points at it
 */
export function entry(name, value, explanation) {
  return h(
    'div',
    explanation === undefined ? {} : { title: explanation },
    h('dt', {}, name),
    h('dd', {}, value)
  )
}

/**
 * A state as colour, sign and word.
 *
 * @param {'good' | 'warn' | 'bad' | 'calm'} level
 * @param {string} word
 */
export function badge(level, word) {
  return h(
    'span',
    { class: `badge ${level}` },
    h('span', { 'aria-hidden': 'true' }, SIGNS[level]),
    ` ${word}`
  )
}

const SIGNS = { good: '●', warn: '◐', bad: '▲', calm: '○' }
