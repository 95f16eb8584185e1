/** Whether the server lives, and whether it answers. */
import { z } from 'zod';
import { modelSchema } from './classification.ts';

export const liveSchema = z.object({ live: z.literal(true) }).describe('The process answers');

export const readySchema = z
  .object({
    ready: z.literal(true),
    model: modelSchema,
    selfCheck: z
      .object({
        compared: z.int(),
        differed: z.int().describe('By more than 1e-5'),
        largestDifference: z.number().nullable().describe('Of a probability; null where one was no number'),
      })
      .optional()
      .describe('Only where images got another answer in a batch than alone, since the start'),
  })
  .describe('Images are answered');
