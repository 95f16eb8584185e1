/** Images of many requests in front of the lanes of one engine: bounded, in turn, joined to batches where that pays. */
import type { Engine } from '../engine/engine.ts';
import type { EngineFacts } from '../engine/facts.ts';
import { ServerError } from '../errors.ts';
import { answerOf, joined } from './batch.ts';
import { forecast } from './forecast.ts';
import { createLatencyFit } from './latency.ts';
import { createHold } from './hold.ts';
import { NO_METRICS, type SchedulerMetrics } from './metrics.ts';
import type { Inferred, Place, PlaceOptions } from './place.ts';
import { type Room, busy, toCome } from './room.ts';
import { type SelfReport, createSelfCheck } from './self-check.ts';
import { largestInTime } from './size.ts';
import { createTurns } from './turns.ts';

export interface Scheduler {
  /** Images that wait. */
  readonly depth: number;
  /**
   * Throws what `enter` would throw now, and takes nothing.
   *
   * @param withinMs the request's deadline, from now
   */
  readonly assertRoom: (images: number, withinMs?: number) => void;
  /**
   * Takes room before any work is done, so that no work is thrown away later.
   *
   * @throws ServerError QUEUE_FULL, or DEADLINE_UNREACHABLE where no answer is expected `withinMs` from now; both with
   * the seconds after which there should be room
   */
  readonly enter: (images: number, withinMs?: number) => Place;
  /** Resolves when nothing waits or is computed. */
  readonly idle: () => Promise<void>;
  readonly selfReport: SelfReport;
}

export interface SchedulerOptions {
  readonly infer: Engine['infer'];
  /** Undefined while there is no engine. */
  readonly facts: () => Pick<EngineFacts, 'lanes' | 'maxBatch'> | undefined;
  /** Images that may have room beside those that the engine computes. */
  readonly limit: number;
  /** Of so many batches one image is computed again alone; 0 for never. */
  readonly selfCheckEvery?: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back after `ms`, or not where the returned function was called before. */
  readonly after?: (ms: number, call: () => void) => () => void;
  readonly metrics?: SchedulerMetrics;
}

interface Waiting {
  readonly room: Room;
  readonly tensor: Float32Array;
  readonly activations: boolean;
  readonly since: number;
  readonly resolve: (answer: Inferred) => void;
  readonly reject: (reason: unknown) => void;
}

// The share of the newest time of decoding in its mean.
const NEWEST = 0.1;

// Before there is an engine, and after it died: what comes then is refused by `infer` itself.
const NO_ENGINE = { lanes: 1, maxBatch: 1 };

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { infer, facts, limit, now, after = afterMs, metrics = NO_METRICS } = options;
  const fit = createLatencyFit();
  const turns = createTurns<Room, Waiting>();
  const rooms = new Set<Room>();
  const running = new Set<{ readonly n: number; readonly startedAt: number }>();
  const selfCheck = createSelfCheck({ every: options.selfCheckEvery ?? 0, infer, metrics });
  const hold = createHold({ now, after });
  let reserved = 0;
  let prepareMs = 0;
  let idlers: (() => void)[] = [];
  metrics.watch({ fit, limit });

  const load = (ahead: number) => ({ ...(facts() ?? NO_ENGINE), running, ahead, prepareMs });

  function assertRoom(images: number, withinMs = Number.POSITIVE_INFINITY): void {
    // An idle engine always tries: otherwise one slow batch would refuse everybody, and nothing would ever be learned
    // from a faster one. And what is larger than the queue has to come in once.
    if (reserved === 0 || images === 0) return;
    const { lanes, maxBatch } = facts() ?? NO_ENGINE;
    const most = limit + lanes * maxBatch;
    if (reserved + images > most) {
      const clearMs = forecast(fit, load(reserved - busy(rooms) - 1), 1, now())?.expectedMs ?? 0;
      metrics.refused('full');
      throw refusal('QUEUE_FULL', `${reserved} images are being answered, at most ${most} may be`, clearMs);
    }
    // In turn, so many of each other request come before the last of these.
    let ahead = 0;
    for (const room of rooms) ahead += Math.min(images, toCome(room) + room.waiting);
    const { likelyMs } = forecast(fit, load(ahead), images, now()) ?? { likelyMs: 0 };
    if (likelyMs <= withinMs) return;
    metrics.refused('deadline');
    const detail = `an answer would take some ${Math.ceil(likelyMs)} ms, the deadline is in ${Math.floor(withinMs)} ms`;
    throw refusal('DEADLINE_UNREACHABLE', detail, likelyMs - withinMs);
  }

  function ask(room: Room, tensor: Float32Array, { signal, activations = false }: PlaceOptions) {
    return new Promise<Inferred>((resolve, reject) => {
      signal.throwIfAborted();
      if (room.left) throw new Error('the place was left');
      if (room.waiting + room.running >= room.images) {
        throw new RangeError(`more than ${room.images} images at a time`);
      }
      const abandon = (): void => {
        if (turns.remove(room, image)) {
          room.waiting -= 1;
          metrics.refused('left');
        }
        reject(signal.reason as Error);
        dispatch();
      };
      const settled = (): void => signal.removeEventListener('abort', abandon);
      const image: Waiting = {
        room,
        tensor,
        activations,
        since: now(),
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      signal.addEventListener('abort', abandon, { once: true });
      if (room.images === 1 && room.answered === 0)
        prepareMs += (now() - room.enteredAt - prepareMs) * NEWEST;
      turns.add(room, image);
      room.waiting += 1;
      dispatch();
    });
  }

  /** Whatever changed: starts what can start now. */
  function dispatch(): void {
    const { lanes, maxBatch } = facts() ?? NO_ENGINE;
    while (running.size < lanes && turns.size > 0) {
      if (hold.waits({ turns, maxBatch, fit, isMoreToCome }, dispatch)) return;
      const batch = takeBatch(maxBatch);
      if (batch.length > 0) void compute(batch);
    }
    if (turns.size > 0 || running.size > 0) return;
    for (const resolve of idlers.splice(0)) resolve();
    if (reserved === 0) void check();
  }

  /** With some allowance: of two images that have just the expected time, one would be computed for nobody. */
  const predict = (n: number): number => (fit.predict(n) ?? 0) + fit.spreadMs;

  const isMoreToCome = (): boolean => [...rooms].some((room) => toCome(room) > 0);

  /** The next images in turn, as many as one batch can have and still be in time; refuses those that are too late. */
  function takeBatch(maxBatch: number): Waiting[] {
    const batch: Waiting[] = [];
    const late: Waiting[] = [];
    const startsAt = now();
    const timesLeft = [...turns].map(({ room }) => room.deadlineAt - startsAt);
    const size = timesLeft.length <= maxBatch ? 1 : largestInTime(timesLeft, maxBatch, predict);
    let mostMs = Number.POSITIVE_INFINITY;
    for (let next = turns.peek(); next !== undefined && batch.length < maxBatch; next = turns.peek()) {
      const leftMs = next.room.deadlineAt - startsAt;
      const isLate = leftMs < predict(size);
      const joins = next.tensor.length === (batch[0] ?? next).tensor.length;
      const isTooMany = predict(batch.length + 1) > Math.min(mostMs, leftMs);
      if (!isLate && batch.length > 0 && (!joins || isTooMany)) break;
      turns.take();
      next.room.waiting -= 1;
      (isLate ? late : batch).push(next);
      if (!isLate) mostMs = Math.min(mostMs, leftMs);
    }
    // With nothing better to do the engine tries, and learns how long it takes by now.
    if (batch.length === 0 && running.size === 0) batch.push(...late.splice(0, 1));
    for (const { room, reject } of late) {
      metrics.refused('late');
      reject(refusal('DEADLINE_UNREACHABLE', 'its turn came too late for its deadline', predict(1)));
      release(room);
    }
    return batch;
  }

  async function compute(batch: readonly Waiting[]): Promise<void> {
    const n = batch.length;
    const startedAt = now();
    const run = { n, startedAt };
    running.add(run);
    for (const { room } of batch) room.running += 1;
    try {
      const tensors = batch.map(({ tensor }) => tensor);
      const activations = batch.some((image) => image.activations);
      const answer = await infer(joined(tensors), n, { activations });
      fit.add(n, now() - startedAt);
      metrics.batch(n);
      selfCheck.offer(tensors, answer);
      for (const [at, image] of batch.entries()) {
        const { activations: own, probabilities } = answerOf(answer, at, n);
        image.room.answered += 1;
        image.resolve({
          probabilities,
          ...(own === undefined || !image.activations ? {} : { activations: own }),
          waitedMs: startedAt - image.since,
          inferMs: answer.inferMs,
          batch: n,
          threads: answer.threads,
        });
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    running.delete(run);
    for (const { room } of batch) {
      room.running -= 1;
      release(room);
    }
    dispatch();
  }

  async function check(): Promise<void> {
    const compare = selfCheck.take();
    if (compare === undefined) return;
    const run = { n: 1, startedAt: now() };
    running.add(run);
    await compare();
    running.delete(run);
    dispatch();
  }

  /** Gives the room back once it was left and nothing of it is computed any more. */
  function release(room: Room): void {
    if (!room.left || room.running > 0 || !rooms.delete(room)) return;
    reserved -= room.images;
  }

  return {
    get depth() {
      return turns.size;
    },
    selfReport: selfCheck.report,
    assertRoom,
    enter: (images, withinMs = Number.POSITIVE_INFINITY) => {
      assertRoom(images, withinMs);
      const enteredAt = now();
      const deadlineAt = enteredAt + withinMs;
      const room: Room = { images, enteredAt, deadlineAt, waiting: 0, running: 0, answered: 0, left: false };
      rooms.add(room);
      reserved += images;
      return {
        infer: (tensor, ask_) => ask(room, tensor, ask_),
        leave: () => {
          room.left = true;
          for (const image of turns.removeAll(room)) image.reject(new Error('the place was left'));
          release(room);
          dispatch();
        },
      };
    },
    async idle() {
      if (turns.size === 0 && running.size === 0) return;
      await new Promise<void>((resolve) => {
        idlers.push(resolve);
      });
    },
  };
}

function refusal(code: 'QUEUE_FULL' | 'DEADLINE_UNREACHABLE', detail: string, afterMs: number): ServerError {
  return new ServerError(code, detail, { retryAfterSeconds: Math.max(1, Math.ceil(afterMs / 1000)) });
}

function afterMs(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}
