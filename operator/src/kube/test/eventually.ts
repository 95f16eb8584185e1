import { setTimeout as wait } from 'node:timers/promises';

/** Waits until `check` stops throwing; after 15 s its last error is the test's. Not a measure of time, only a bound. */
export async function eventually(check: () => void | Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await check();
      return;
    } catch (error) {
      if (attempt >= 600) throw error;
      await wait(25);
    }
  }
}
