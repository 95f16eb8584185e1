/** Where checkpoints are kept: two places in turn, so that the last whole one outlives whatever becomes of the next. */
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.ts';

export interface CheckpointStore {
  /**
   * The newest whole checkpoint with this key, and why others were not taken. To be called before `save`, which then
   * writes to the other place.
   *
   * @throws TrainerError CHECKPOINT_UNREACHABLE: to begin again without having asked would throw work away
   */
  readonly load: (key: string, signal?: AbortSignal) => Promise<Loaded>;
  /**
   * Keeps a checkpoint, whole or not at all.
   *
   * @returns its bytes
   * @throws TrainerError DISK_FULL, CHECKPOINT_UNREACHABLE; the one before is still there
   */
  readonly save: (checkpoint: Checkpoint, signal?: AbortSignal) => Promise<number>;
  /** @throws TrainerError CHECKPOINT_UNREACHABLE */
  readonly clear: (signal?: AbortSignal) => Promise<void>;
}

interface Loaded {
  readonly checkpoint?: Checkpoint;
  readonly refused: readonly string[];
}

/** Named objects that are written whole or not at all. */
export interface Shelf {
  /** @returns undefined where there is none */
  readonly read: (name: string, signal?: AbortSignal) => Promise<Uint8Array | undefined>;
  readonly write: (name: string, parts: readonly Uint8Array[], signal?: AbortSignal) => Promise<void>;
  readonly remove: (name: string, signal?: AbortSignal) => Promise<void>;
}

const PLACES = ['checkpoint-a', 'checkpoint-b'] as const;

export function checkpointsOn(shelf: Shelf): CheckpointStore {
  let newest: (typeof PLACES)[number] | undefined;
  return {
    load: async (key, signal) => {
      newest = undefined;
      let checkpoint: Checkpoint | undefined;
      const refused: string[] = [];
      for (const place of PLACES) {
        const bytes = await shelf.read(place, signal);
        if (bytes === undefined) continue;
        const found = usable(bytes, key);
        if (typeof found === 'string') refused.push(`${place}: ${found}`);
        else if (checkpoint === undefined || isLater(found, checkpoint)) {
          checkpoint = found;
          newest = place;
        }
      }
      return { checkpoint, refused };
    },
    save: async (checkpoint, signal) => {
      const place = newest === PLACES[0] ? PLACES[1] : PLACES[0];
      const parts = encodeCheckpoint(checkpoint);
      await shelf.write(place, parts, signal);
      newest = place;
      return parts.reduce((sum, part) => sum + part.length, 0);
    },
    clear: async (signal) => {
      for (const place of PLACES) await shelf.remove(place, signal);
      newest = undefined;
    },
  };
}

function usable(bytes: Uint8Array, key: string): Checkpoint | string {
  const found = decodeCheckpoint(bytes);
  if (typeof found === 'string' || found.key === key) return found;
  return 'it is of a run with other data, another recipe or another base';
}

function isLater(one: Checkpoint, other: Checkpoint): boolean {
  return one.epoch === other.epoch ? one.step > other.step : one.epoch > other.epoch;
}
