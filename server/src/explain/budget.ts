/** How many explanations are made at a time: maps and pictures cost memory and time that answers need. */
import { ServerError } from '../errors.ts';

interface Budget {
  /**
   * @returns gives the room back; safe to repeat
   * @throws ServerError QUEUE_FULL
   */
  readonly enter: () => () => void;
}

export function createBudget(limit: number): Budget {
  let taken = 0;
  return {
    enter: () => {
      if (taken >= limit) {
        throw new ServerError('QUEUE_FULL', `${limit} explanations are made at a time`, {
          retryAfterSeconds: 1,
        });
      }
      taken += 1;
      let left = false;
      return () => {
        if (!left) taken -= 1;
        left = true;
      };
    },
  };
}
