/** A real lane of onnxruntime that dies or hangs when a test says so on the channel of this name. */
import { BroadcastChannel, type MessagePort } from 'node:worker_threads';

export const FATE = 'hilum-test-fate';

const channel = new BroadcastChannel(FATE);
(channel as unknown as MessagePort).unref();
channel.onmessage = (event: unknown) => {
  const { data } = event as { readonly data: 'die' | 'hang' };
  if (data === 'die') process.exit(3); // in a worker this ends the thread alone
  for (;;); // as native code that never comes back
};

await import('../src/engine/onnxruntime-thread.ts');
