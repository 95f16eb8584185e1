/** Whether the server lives, and whether it answers. */
import { z } from 'zod';
import { modelSchema } from './classification.ts';

export const liveSchema = z.object({ live: z.literal(true) }).describe('The process answers');

export const readySchema = z
  .object({ ready: z.literal(true), model: modelSchema })
  .describe('Images are answered');
