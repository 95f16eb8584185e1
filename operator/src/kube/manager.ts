/** The life of a controller process: watch, wait until synced, lead, work, drain, hand over. */
import { deadline, orAbort, sleep, type Clock } from './clock.ts';
import type { Controller, Log } from './controller.ts';
import type { Elector } from './elector.ts';
import type { KubeObject } from './object.ts';
import type { Reflector } from './reflector.ts';
import type { Store } from './store.ts';

export interface ManagerOptions {
  readonly reflectors: readonly Reflector[];
  /** The reflectors' stores: no controller works before all have synced. */
  readonly stores: readonly Store<KubeObject>[];
  readonly controllers: readonly Controller[];
  readonly elector: Elector;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts on SIGTERM. The reflectors and the transport must outlive it: the drain still needs them. */
  readonly stop: AbortSignal;
  /** What is being reconciled may take so long to end after `stop`; default 20 s, below a pod's usual 30. */
  readonly drainMs?: number;
}

/**
 * Resolves `stopped` after an orderly end and `lost` when leadership was lost, on which the process should exit at once.
 * Reflectors run from the start, so that a standby is warm; their queues fill and are worked on when it leads.
 */
export async function runManager(options: ManagerOptions): Promise<'stopped' | 'lost'> {
  const { controllers, clock, log, stop } = options;
  // Never rejects; ends with the reflectors' own signal.
  void Promise.all(options.reflectors.map((reflector) => reflector.run()));

  // Before the election, so that a process that cannot see never leads.
  await untilSynced(options);
  return options.elector.run(async (lost) => {
    log.info({ controllers: controllers.map(({ name }) => name) }, 'leading');
    const hard = new AbortController();
    const running = Promise.all(controllers.map((controller) => controller.run(hard.signal)));
    await untilAborted(stop, lost);
    if (!lost.aborted) await drain(options, lost);
    hard.abort();
    // A reconcile that heeds its signal is over by now; one that does not cannot hold up the exit.
    await Promise.race([running, sleep(clock, 1_000, lost)]);
  }, stop);
}

/** Lets the reconciles under way end, for as long as there is time and leadership. */
async function drain(
  { controllers, clock, log, drainMs = 20_000 }: ManagerOptions,
  lost: AbortSignal,
): Promise<void> {
  log.info({ active: controllers.reduce((sum, { queue }) => sum + queue.active, 0) }, 'draining');
  const grace = deadline(clock, drainMs, [lost]);
  try {
    await orAbort(Promise.all(controllers.map(({ queue }) => queue.drain())), grace.signal);
  } catch {
    log.warn({ drainMs }, 'the drain did not end in time, what is left is aborted');
  } finally {
    grace.end();
  }
}

async function untilSynced({ stores, stop, clock }: ManagerOptions): Promise<void> {
  while (!stop.aborted && !stores.every((store) => store.hasSynced)) await sleep(clock, 50, stop);
}

async function untilAborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some((signal) => signal.aborted)) return;
  await new Promise<void>((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
