/** What is asked of an explanation, beside its image. */
import type { Window } from '@hilum/imaging';
import { z } from 'zod';
import { ServerError } from '../errors.ts';

export interface ExplainAsk {
  /** Default the positive one. */
  readonly label: string | undefined;
  /** Of a picture: the slice with the heat over it, or the heat alone on nothing. */
  readonly view: 'overlay' | 'heat';
  /** By which Hounsfield units become greys. */
  readonly window: Window;
}

const WINDOWS = {
  lung: { center: -600, width: 1500 },
  mediastinal: { center: 40, width: 400 },
} as const satisfies Record<string, Window>;

export const askSchema = z.object({
  label: z.string().optional().describe('Whose logit is explained; default the positive label'),
  view: z
    .enum(['overlay', 'heat'])
    .optional()
    .describe(
      'Of a PNG: the slice with the heat over it, the default, or the heat alone, transparent where there is none',
    ),
  window: z
    .enum(['lung', 'mediastinal'])
    .optional()
    .describe('By which Hounsfield units are shown: -600/1500, the default, or 40/400'),
});

/** @throws ServerError PARAMETER_INVALID for what is not known, or said twice */
export function readAsk(query: unknown): ExplainAsk {
  const parsed = z.strictObject(askSchema.shape).safeParse(query);
  if (!parsed.success) {
    const known = 'label (once), view=overlay|heat, window=lung|mediastinal';
    throw new ServerError('PARAMETER_INVALID', `the parameters are ${known}`);
  }
  const { label, view = 'overlay', window = 'lung' } = parsed.data;
  return { label, view, window: WINDOWS[window] };
}
