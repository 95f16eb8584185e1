/** What the journal of a cross-validation keeps of a fold that is done. */
import { z } from 'zod';

export const recordSchema = z.strictObject({
  repeat: z.int().nonnegative(),
  fold: z.int().nonnegative(),
  chosen: z.strictObject({
    /** Of a candidate; `search` otherwise. */
    name: z.string(),
    parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
    /** Mean over the inner folds; it chose, and flatters. Absent where there was nothing to choose. */
    innerAuc: z.number().optional(),
  }),
  bestEpoch: z.int().positive(),
  /** Of the images that judge, in the order of the dataset. */
  probabilities: z.array(z.array(z.number())),
});

export type FoldRecord = z.output<typeof recordSchema>;
