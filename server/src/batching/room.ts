/** What a place holds of the queue's room. */
export interface Room {
  readonly images: number;
  /** Monotonic, as all that end in At. */
  readonly enteredAt: number;
  readonly deadlineAt: number;
  waiting: number;
  running: number;
  answered: number;
  left: boolean;
}

/** Images that it may still send: they are read and decoded at this moment. */
export function toCome({ images, waiting, running, answered }: Room): number {
  // A single image that is answered has no other; what remains of a series is not known here.
  return images === 1 && answered > 0 ? 0 : images - waiting - running;
}

/** Images that the engine computes. */
export function busy(rooms: Iterable<Room>): number {
  let images = 0;
  for (const room of rooms) images += room.running;
  return images;
}
