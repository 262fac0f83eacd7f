/**
 * A list that items join and leave in any order, each at the same small cost and without
 * allocating: the links are members of the items. A Set would do, but its table lives long, and what
 * it has held is kept from the young generation's collector: that costs microseconds a request.
 */

/** The links of an item that can stand in a ring. `undefined` while it stands in none. */
export interface RingItem {
  previous: RingItem | undefined
  next: RingItem | undefined
}

/** Items in the order in which they were added. One item stands in one ring at a time. */
export class Ring<Item extends RingItem> implements Iterable<Item> {
  /** Closes the ring: its `next` is the oldest item, its `previous` the youngest. */
  #sentinel: RingItem = newSentinel()

  /** The item that was added first; `undefined` when there is none. */
  get first(): Item | undefined {
    const { next } = this.#sentinel
    return next === this.#sentinel ? undefined : (next as Item)
  }

  /** Adds an item that stands in no ring, behind all others. */
  add(item: Item): void {
    const sentinel = this.#sentinel
    const youngest = sentinel.previous as RingItem
    item.previous = youngest
    item.next = sentinel
    youngest.next = item
    sentinel.previous = item
  }

  /** Forgets all items. Each of them may still be given to {@link leaveRing}, once. */
  clear(): void {
    this.#sentinel = newSentinel()
  }

  /** Oldest first. Items may leave meanwhile: one that has left is passed over. */
  *[Symbol.iterator](): Iterator<Item> {
    const items: RingItem[] = []
    let item = this.#sentinel.next as RingItem
    while (item !== this.#sentinel) {
      items.push(item)
      item = item.next as RingItem
    }
    for (const item of items) if (isInRing(item)) yield item as Item
  }
}

/** Whether an item stands in a ring. */
export function isInRing(item: RingItem): boolean {
  return item.next !== undefined
}

/** Takes an item out of the ring it stands in. Does nothing when it stands in none. */
export function leaveRing(item: RingItem): void {
  if (!isInRing(item)) return
  const previous = item.previous as RingItem
  const next = item.next as RingItem
  previous.next = next
  next.previous = previous
  item.previous = undefined
  item.next = undefined
}

function newSentinel(): RingItem {
  const sentinel: RingItem = { previous: undefined, next: undefined }
  sentinel.previous = sentinel
  sentinel.next = sentinel
  return sentinel
}
