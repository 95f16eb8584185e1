/**
 * The lanes of one engine: one to begin with, which has all threads to itself while it is alone; more, of fewer threads
 * each, when images come side by side. A lane that dies or hangs is started again, once.
 */
import { ServerError } from '../errors.ts';
import { GaveUp } from '../readiness.ts';
import { createCrowd } from './crowd.ts';
import type { Engine, EngineAnswer } from './engine.ts';
import { type Lane, LaneLost } from './lane.ts';

export interface PoolOptions {
  /** Starts a lane and lets it prove itself. */
  readonly start: (threads: number) => Promise<Lane>;
  /** The most lanes. */
  readonly lanes: number;
  /** Threads of a lane that is alone, and of one among others. */
  readonly wide: number;
  readonly narrow: number;
  /** Why no lane answers at the moment; undefined when one does again. */
  readonly onTrouble: (why: string | undefined) => void;
  readonly onWarning: (message: string) => void;
  /** Ends what is being started. */
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export interface Pool extends Pick<Engine, 'infer' | 'died' | 'close'> {
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
}

interface Slot {
  state: 'absent' | 'opening' | 'idle' | 'busy' | 'barred';
  lane: Lane | undefined;
  threads: number;
  /** Monotonic; when it was last started again after a loss. */
  restartedAt: number;
}

interface Job {
  readonly batch: Float32Array;
  readonly n: number;
  readonly activations: boolean;
  readonly resolve: (answer: EngineAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** @throws what `start` throws, of the first lane */
export async function startPool(options: PoolOptions): Promise<Pool> {
  const { start, lanes, wide, narrow, onTrouble, onWarning, signal, now } = options;
  const crowd = createCrowd(now);
  const died = Promise.withResolvers<GaveUp>();
  const jobs: Job[] = [];
  const openings = new Set<Promise<Lane>>();
  const slots = Array.from({ length: lanes }, (): Slot => ({ ...ABSENT }));
  let closing = false;
  let troubled = false;
  let calm: NodeJS.Timeout | undefined;

  /** Whatever changed: does what can be done now. */
  const advance = (): void => {
    if (closing) return;
    const isCrowded = lanes > 1 && crowd.isCrowded();
    for (const slot of slots) {
      if (slot.state !== 'idle') continue;
      const wanted = isCrowded ? narrow : wide;
      // While images wait, only what makes them faster is worth a pause.
      if (slot === slots[0] && slot.threads !== wanted && (isCrowded || jobs.length === 0)) {
        void resize(slot, wanted);
        continue;
      }
      const job = jobs.shift();
      if (job !== undefined) void work(slot, job);
    }
    const next = slots.find(({ state }) => state === 'absent');
    if (isCrowded && next !== undefined && jobs.length > 0) void openNext(next);
    watchTrouble();
    closeSpare();
    clearTimeout(calm);
    if (isCrowded) calm = setTimeout(advance, crowd.calmInMs()).unref();
    else if (slots.some(isSpare)) calm = setTimeout(advance, SPARE_MS).unref();
  };

  const isSpare = (slot: Slot): boolean => slot !== slots[0] && slot.state === 'idle';

  /** Memory that nobody has needed for a while. */
  const closeSpare = (): void => {
    if (crowd.calmForMs() < SPARE_MS) return;
    for (const slot of slots.filter(isSpare)) {
      void slot.lane?.close();
      Object.assign(slot, ABSENT);
    }
  };

  const work = async (slot: Slot, { batch, n, activations, resolve, reject }: Job): Promise<void> => {
    const { lane } = slot;
    if (lane === undefined) return reject(new ServerError('ENGINE_FAILED'));
    slot.state = 'busy';
    try {
      const { threads: used } = slot;
      resolve({ ...(await lane.infer(batch, n, activations)), threads: used });
    } catch (error) {
      if (error instanceof LaneLost)
        return reject(new ServerError('ENGINE_FAILED', undefined, { cause: error }));
      reject(error);
    }
    release(slot, lane);
  };

  const resize = async (slot: Slot, wanted: number): Promise<void> => {
    const { lane } = slot;
    if (lane === undefined) return;
    slot.state = 'opening';
    slot.threads = wanted;
    try {
      await lane.resize(wanted);
    } catch (error) {
      if (error instanceof LaneLost) return;
      return giveUp(error);
    }
    release(slot, lane);
  };

  const release = (slot: Slot, lane: Lane): void => {
    if (slot.lane !== lane) return; // lost meanwhile
    slot.state = 'idle';
    advance();
  };

  const open = async (slot: Slot, size: number): Promise<Lane> => {
    slot.state = 'opening';
    slot.threads = size;
    const opened = opening(slot, size);
    openings.add(opened);
    return opened.finally(() => openings.delete(opened));
  };

  const opening = async (slot: Slot, size: number): Promise<Lane> => {
    const lane = await start(size);
    if (closing) {
      await lane.close();
      throw new Error('the engine was closed');
    }
    slot.lane = lane;
    slot.state = 'idle';
    void lane.lost.then(async (error) => replace(slot, error));
    return lane;
  };

  const openNext = async (slot: Slot): Promise<void> => {
    try {
      await open(slot, narrow);
      advance();
    } catch (error) {
      // Of the same file: what the others answer would be as wrong.
      if (error instanceof GaveUp && error.code === 'WARM_UP_MISMATCH') return giveUp(error);
      slot.state = 'barred';
      if (!closing) onWarning(`no further lane could be started: ${messageOf(error)}`);
    }
  };

  const replace = async (slot: Slot, error: LaneLost): Promise<void> => {
    slot.lane = undefined;
    slot.state = 'opening';
    if (closing) return;
    if (now() - slot.restartedAt < RESTART_PAUSE_MS) return giveUp(error);
    slot.restartedAt = now();
    watchTrouble(error.message);
    try {
      await open(slot, slot.threads);
      advance();
    } catch (again) {
      giveUp(again);
    }
  };

  const watchTrouble = (why = 'the inference engine is started again'): void => {
    const isTroubled = slots.every(({ lane }) => lane === undefined);
    if (isTroubled === troubled) return;
    troubled = isTroubled;
    onTrouble(isTroubled ? why : undefined);
  };

  const giveUp = (error: unknown): void => {
    if (closing || signal.aborted) return;
    closing = true;
    clearTimeout(calm);
    const end =
      error instanceof GaveUp ? error : new GaveUp('ENGINE_FAILED', messageOf(error), { cause: error });
    for (const { reject } of jobs.splice(0))
      reject(new ServerError('ENGINE_FAILED', undefined, { cause: error }));
    // Whoever hears of it may end the process, which no lane may still be computing in.
    void endWith(end);
  };

  const endWith = async (end: GaveUp): Promise<void> => {
    await closeAll();
    died.resolve(end);
  };

  const closeAll = async (): Promise<void> => {
    await Promise.all([...slots.map(async ({ lane }) => lane?.close()), Promise.allSettled(openings)]);
  };

  const [first] = slots;
  if (first === undefined) throw new RangeError('an engine has a lane at least');
  const { version, device } = await open(first, wide);
  return {
    version,
    device,
    died: died.promise,
    infer: async (batch, n, { activations = false } = {}) =>
      new Promise((resolve, reject) => {
        if (closing) return reject(new ServerError('ENGINE_FAILED'));
        crowd.note(jobs.length + slots.filter(({ state }) => state === 'busy').length);
        jobs.push({ batch, n, activations, resolve, reject });
        advance();
      }),
    close: async () => {
      closing = true;
      clearTimeout(calm);
      await closeAll();
    },
  };
}

const ABSENT: Slot = { state: 'absent', lane: undefined, threads: 0, restartedAt: Number.NEGATIVE_INFINITY };

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** After a minute of calm, what was started for a crowd goes. */
const SPARE_MS = 60_000;

/** A lane that is lost twice within this time will be lost again. */
const RESTART_PAUSE_MS = 300_000;
