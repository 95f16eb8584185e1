/** Work that goes on while its results are waited for, used up, and waited for again. */

/**
 * Results of `work` in the order of the items; at most `ahead` are under way or wait to be taken.
 *
 * The first failure in that order is thrown once all that is under way has ended, and nothing more is begun.
 */
export async function* readAhead<Item, Result>(
  items: Iterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const underWay: Promise<Result>[] = [];
  const next = items[Symbol.iterator]();
  const begin = (): void => {
    const { value, done } = next.next() as IteratorResult<Item, undefined>;
    if (done === true) return;
    const result = work(value);
    // It is awaited in its turn; until then its failure is nobody's surprise.
    result.catch(ignore);
    underWay.push(result);
  };
  try {
    for (let count = 0; count < ahead; count += 1) begin();
    for (let result = underWay.shift(); result !== undefined; result = underWay.shift()) {
      const value = await result;
      begin();
      yield value;
    }
  } finally {
    await Promise.allSettled(underWay);
  }
}

function ignore(): void {}
