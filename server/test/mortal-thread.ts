/** A real lane of onnxruntime that dies or hangs when a test says so on a channel, where it says that it was born. */
import { BroadcastChannel, type MessagePort, threadId } from 'node:worker_threads';

const channel = new BroadcastChannel('hilum-test-fate');
(channel as unknown as MessagePort).unref();
// oxlint-disable-next-line unicorn/prefer-add-event-listener -- Node's types have no other way
channel.onmessage = (event: unknown) => {
  const { data } = event as { readonly data: { readonly fate?: 'die' | 'hang'; readonly of?: number } };
  if (data.of !== threadId) return;
  if (data.fate === 'die') process.exit(3); // in a worker this ends the thread alone
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // as native code that never comes back
};
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window
channel.postMessage({ born: threadId });

await import('../src/engine/onnxruntime-thread.ts');
