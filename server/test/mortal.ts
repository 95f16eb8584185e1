/** Lanes that die or hang when a test wants it. */
import { BroadcastChannel } from 'node:worker_threads';

/** To be started instead of onnxruntime's own: the same behind an ear. */
export const MORTAL = new URL('mortal-thread.ts', import.meta.url);

export interface Mortals extends Disposable {
  /** Threads in the order of their birth. */
  readonly born: readonly number[];
  readonly fate: (what: 'die' | 'hang', nth: number) => void;
}

export function mortals(): Mortals {
  const channel = new BroadcastChannel('hilum-test-fate');
  const born: number[] = [];
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- Node's types have no other way
  channel.onmessage = (event: unknown) => {
    born.push((event as { readonly data: { readonly born: number } }).data.born);
  };
  return {
    born,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window
    fate: (what, nth) => channel.postMessage({ fate: what, of: born[nth] }),
    [Symbol.dispose]: () => channel.close(),
  };
}
