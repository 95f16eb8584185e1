/** What `/v1/pixels` says of the bytes that it sends. */
import { z } from 'zod';

/** The response header that holds `pixelsSchema` as JSON; the body is pixels alone. */
export const PIXELS_HEADER = 'hilum-pixels';

export const pixelsSchema = z
  .object({
    kind: z
      .enum(['hu', 'grey'])
      .describe('`hu`: Hounsfield units of a CT slice; `grey`: levels of a picture'),
    type: z
      .enum(['int16', 'uint8', 'uint16'])
      .describe('Of one pixel; little-endian, row by row from the top left'),
    rows: z.int().positive(),
    columns: z.int().positive(),
    pixelSpacing: z
      .tuple([z.number().positive(), z.number().positive()])
      .nullable()
      .describe('mm between the centres of rows, then of columns; null where the image does not say'),
    inverted: z.boolean().describe('A display shows low values as white'),
  })
  .describe('The shape of the pixels, and nothing that names a patient');

export type Pixels = z.infer<typeof pixelsSchema>;
