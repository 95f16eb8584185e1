/** In place of fuzz/child.ts: each case does one of the things that a decoder must not. */
const BAD: Readonly<Record<number, () => void>> = {
  1: () => process.exit(3),
  2: () => process.stderr.write('Doe^John\n'),
  3: () => {
    for (;;);
  },
  100: () => {
    const held = Buffer.alloc(1200 * 1024 * 1024, 1);
    setTimeout(() => held.fill(2), 500);
  },
  5: () => {
    void Promise.reject(new Error('nobody waits for this'));
  },
};
const SLOWEST: Readonly<Record<number, { call: string; wallMs: number; cpuMs: number }>> = {
  6: { call: 'decodeImage', wallMs: 2500, cpuMs: 2400 },
  7: { call: 'decodeImage', wallMs: 2500, cpuMs: 300 },
};

process.on('message', (order: { kind: string; index: number }) => {
  if (order.kind === 'end') {
    process.disconnect();
    return;
  }
  BAD[order.index]?.();
  process.send?.({
    kind: 'done',
    index: order.index,
    from: 'a file',
    what: ['badness'],
    length: 0,
    outcomes: ['decodeImage ok'],
    findings: order.index === 8 ? [{ kind: 'CANARY', call: 'decodeImage', text: 'as told' }] : [],
    slowest: SLOWEST[order.index] ?? { call: 'decodeImage', wallMs: 1, cpuMs: 1 },
    rssPeakBytes: process.resourceUsage().maxRSS * 1024,
  });
});
process.send?.({ kind: 'ready', digest: 'none', seeds: 1, real: 0 });
