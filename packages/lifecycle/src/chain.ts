/**
 * What comes and goes with every request is chained, newest first. A Set would do, but its table
 * lives long, and what it has held is kept from the young generation's collector: that costs
 * microseconds a request.
 */

/** A place in a chain. */
export interface Link<Item> {
  readonly item: Item
  previous: Link<Item> | undefined
  next: Link<Item> | undefined
}

/** Items that are added and taken out again in any order, each at the same small cost. */
export class Chain<Item> implements Iterable<Item> {
  #newest: Link<Item> | undefined

  /** Returns the place to take the item out again with. */
  add(item: Item): Link<Item> {
    const link: Link<Item> = { item, previous: undefined, next: this.#newest }
    if (this.#newest !== undefined) this.#newest.previous = link
    this.#newest = link
    return link
  }

  /** Takes an item out, once. */
  remove({ previous, next }: Link<Item>): void {
    if (previous === undefined) this.#newest = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
  }

  /** Newest first. */
  *[Symbol.iterator](): Iterator<Item> {
    for (let link = this.#newest; link !== undefined; link = link.next) yield link.item
  }
}
