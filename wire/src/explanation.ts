/** The answer of `/v1/explain`. */
import { z } from 'zod';
import { NOTICE, classificationSchema } from './classification.ts';

const regionSchema = z
  .object({
    top: z.number(),
    left: z.number(),
    rows: z.number().positive(),
    columns: z.number().positive(),
  })
  .describe(
    'The part of the image that the map covers, in pixels from its top left corner; fractions where the image was ' +
      'resampled, and beyond the image where the model sees air around the lungs',
  );

const shape = {
  rows: z.int().positive(),
  columns: z.int().positive(),
};

const explained = {
  label: z.string().describe('Whose logit is explained'),
  layer: z.string().describe('Of the network: the deepest whose maps go into the answer'),
  notShown: z
    .array(z.string())
    .describe('What else goes into the answer and is no part of the map: earlier layers, `pixels`'),
  empty: z.boolean().describe('No place speaks for the label: all values are 0, and the map says nothing'),
  region: regionSchema,
};

export const explanationSchema = z
  .object({
    ...explained,
    heatmap: z
      .object({ ...shape, values: z.array(z.number().min(0).max(1)) })
      .describe('Row by row from the top left; 1 at the place with the most weight, rounded to four digits'),
    classification: classificationSchema.describe('What /v1/classify says, of the same pass of the network'),
    explainMs: z.number().nonnegative().describe('Activations to the map, milliseconds'),
    notice: z.literal(NOTICE),
  })
  .describe(
    'Where in one image the network found what speaks for a label. Research use only, not for diagnosis.',
  );

export type Explanation = z.infer<typeof explanationSchema>;

/** The header beside a map that is sent as little-endian float32: JSON of `heatmapSchema`. */
export const HEATMAP_HEADER = 'hilum-heatmap';

export const heatmapSchema = z.object({ ...shape, ...explained, notice: z.literal(NOTICE) });
