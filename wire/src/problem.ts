/** RFC 9457 bodies. */
import { z } from 'zod';

const problemFields = {
  type: z.string().describe('urn:hilum:error:CODE'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What is wrong with this request'),
  code: z
    .string()
    .regex(/^[A-Z0-9_]+$/)
    .describe('Stable; compare this. docs/errors.md has them all'),
  requestId: z.string(),
};

const refusedField = {
  outcome: z
    .literal('refused')
    .optional()
    .describe('There where the request is well, and its image or series is not one that this model is for'),
};

export const problemSchema = z
  .object({ ...problemFields, ...refusedField })
  .describe('RFC 9457 problem details');

export type Problem = z.infer<typeof problemSchema>;

export const notReadySchema = z
  .object({
    ...problemFields,
    ready: z.literal(false),
    reason: z.string().describe('Where the model is on its way'),
    progress: z.object({ bytes: z.int().nonnegative(), totalBytes: z.int().nonnegative() }).optional(),
  })
  .describe('Images are not answered, and why');
