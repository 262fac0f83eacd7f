/**
 * Items by when they are due, whatever the order in which they come and leave: a binary heap, of
 * which each item knows its own place, so that any of them can leave at once.
 */

/** What a heap needs to know of an item. */
export interface Due {
  /** When it is due, in any unit. It stays as it is while the item stands in a heap. */
  due: number
  /** Its place in the heap; -1 while it stands in none. */
  position: number
}

/** The items that are waiting, the one that is due first on top. */
export class DueHeap<Item extends Due> {
  readonly #items: Item[] = []

  /** The item that is due first; `undefined` when there is none. */
  get first(): Item | undefined {
    return this.#items[0]
  }

  /** Adds an item that stands in no heap. */
  add(item: Item): void {
    this.#rise(item, this.#items.length)
  }

  /** Takes an item out. Does nothing when it stands in no heap. */
  remove(item: Item): void {
    const { position } = item
    if (position === -1) return
    item.position = -1
    const last = this.#items.pop() as Item
    if (last === item) return
    if (last.due < item.due) this.#rise(last, position)
    else this.#sink(last, position)
  }

  #rise(item: Item, from: number): void {
    let position = from
    while (position > 0) {
      const parent = this.#items[(position - 1) >> 1] as Item
      if (parent.due <= item.due) break
      const place = parent.position
      this.#put(parent, position)
      position = place
    }
    this.#put(item, position)
  }

  #sink(item: Item, from: number): void {
    let position = from
    for (;;) {
      const child = this.#earlierChild(position)
      if (child === undefined || child.due >= item.due) break
      const place = child.position
      this.#put(child, position)
      position = place
    }
    this.#put(item, position)
  }

  #earlierChild(position: number): Item | undefined {
    const left = this.#items[2 * position + 1]
    const right = this.#items[2 * position + 2]
    return left !== undefined && right !== undefined && right.due < left.due ? right : left
  }

  #put(item: Item, position: number): void {
    this.#items[position] = item
    item.position = position
  }
}
