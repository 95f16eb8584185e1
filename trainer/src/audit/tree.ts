/** Points in many dimensions, found by nearness: a k-d tree whose nodes know the box that their points fill. */

interface Node {
  /** Of the first coordinates only, BOXED of them. */
  readonly low: Float32Array;
  readonly high: Float32Array;
  /** The earliest point of the node. */
  readonly first: number;
  readonly points?: readonly number[];
  readonly children?: readonly [Node, Node];
}

const LEAF = 16;

/** The first coordinates hold most of what tells pictures apart; the rest is looked at point by point. */
const BOXED = 64;

// Float32 and the sums over it round; a pair at the very radius is not lost to that.
const SLACK = 1e-4;

export class SignatureTree {
  readonly #values: Float32Array;
  readonly #dimensions: number;
  readonly #boxed: number;
  readonly #reach: number;
  readonly #root: Node | undefined;

  /** `points` are rows of `values`, each of `dimensions` numbers. */
  constructor(values: Float32Array, dimensions: number, points: readonly number[], squaredRadius: number) {
    this.#values = values;
    this.#dimensions = dimensions;
    this.#boxed = Math.min(dimensions, BOXED);
    this.#reach = squaredRadius + SLACK;
    this.#root = points.length === 0 ? undefined : this.#build(points);
  }

  /** Points before `point` within the radius of it, ascending. */
  earlierNear(point: number): readonly number[] {
    const found: number[] = [];
    if (this.#root !== undefined) this.#visit(this.#root, point, found);
    return found.toSorted((a, b) => a - b);
  }

  #visit(node: Node, point: number, found: number[]): void {
    if (node.first >= point || !this.#reaches(node, point)) return;
    for (const child of node.children ?? []) this.#visit(child, point, found);
    for (const other of node.points ?? []) if (other < point && this.#near(other, point)) found.push(other);
  }

  #reaches({ low, high }: Node, point: number): boolean {
    const from = point * this.#dimensions;
    let sum = 0;
    for (let at = 0; at < this.#boxed; at += 1) {
      const value = this.#values[from + at] ?? 0;
      const gap = Math.max((low[at] ?? 0) - value, 0, value - (high[at] ?? 0));
      sum += gap * gap;
      if (sum > this.#reach) return false;
    }
    return true;
  }

  #near(a: number, b: number): boolean {
    const [fromA, fromB] = [a * this.#dimensions, b * this.#dimensions];
    let sum = 0;
    for (let at = 0; at < this.#dimensions; at += 1) {
      const gap = (this.#values[fromA + at] ?? 0) - (this.#values[fromB + at] ?? 0);
      sum += gap * gap;
      if (sum > this.#reach) return false;
    }
    return true;
  }

  /** Halves the points along their widest coordinate. */
  #build(points: readonly number[]): Node {
    const { low, high } = this.#boxOf(points);
    const first = points.reduce((a, b) => Math.min(a, b));
    if (points.length <= LEAF) return { low, high, first, points };
    let widest = 0;
    for (let at = 1; at < this.#boxed; at += 1) {
      if (width(low, high, at) > width(low, high, widest)) widest = at;
    }
    const along = (point: number): number => this.#values[point * this.#dimensions + widest] ?? 0;
    const order = points.toSorted((a, b) => along(a) - along(b) || a - b);
    const half = order.length >> 1;
    return {
      low,
      high,
      first,
      children: [this.#build(order.slice(0, half)), this.#build(order.slice(half))],
    };
  }

  #boxOf(points: readonly number[]): Pick<Node, 'low' | 'high'> {
    const low = new Float32Array(this.#boxed).fill(Infinity);
    const high = new Float32Array(this.#boxed).fill(-Infinity);
    for (const point of points) {
      for (let at = 0; at < this.#boxed; at += 1) {
        const value = this.#values[point * this.#dimensions + at] ?? 0;
        low[at] = Math.min(low[at] ?? 0, value);
        high[at] = Math.max(high[at] ?? 0, value);
      }
    }
    return { low, high };
  }
}

function width(low: Float32Array, high: Float32Array, at: number): number {
  return (high[at] ?? 0) - (low[at] ?? 0);
}
