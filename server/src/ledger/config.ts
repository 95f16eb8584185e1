/** The ledger's settings, from the environment. */
import { z } from 'zod';
import type { LedgerOptions } from './writer.ts';

export type LedgerConfig = Pick<LedgerOptions, 'dir' | 'sync' | 'maxFileBytes'>;

const BYTES = 'a whole number of bytes from 65536 to 1099511627776';

export const ledgerVariables = {
  HILUM_LEDGER_DIR: z.string().min(1).optional(),
  HILUM_LEDGER_SYNC: z.enum(['each', 'second'], { error: 'each or second' }).default('each'),
  HILUM_LEDGER_MAX_BYTES: z.coerce
    .number({ error: BYTES })
    .int({ error: BYTES })
    .min(65_536, { error: BYTES })
    .max(1_099_511_627_776, { error: BYTES })
    .default(67_108_864),
};

/** undefined where no ledger is asked for. */
export function ledgerOf(env: z.infer<z.ZodObject<typeof ledgerVariables>>): {
  readonly ledger?: LedgerConfig;
} {
  const { HILUM_LEDGER_DIR: dir, HILUM_LEDGER_SYNC: sync, HILUM_LEDGER_MAX_BYTES: maxFileBytes } = env;
  return dir === undefined ? {} : { ledger: { dir, sync, maxFileBytes } };
}
