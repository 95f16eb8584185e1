/** The ledger, as the rest of the server sees it: facts of predictions in, before their answer goes out. */
import type { NewEntry } from './entry.ts';

export interface Ledger {
  /**
   * Writes entries one after the other, none of another request between them. When it resolves they are in the file, and
   * on the disk where the ledger syncs each.
   *
   * @throws ServerError LEDGER_FAILED, and then none of them counts as written
   */
  readonly append: (entries: readonly NewEntry[]) => Promise<void>;
  readonly close: () => Promise<void>;
}
