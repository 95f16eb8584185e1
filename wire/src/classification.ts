/** The answer of `/v1/classify`. */
import { z } from 'zod';

export const NOTICE = 'Research use only, not for diagnosis.';

const ms = (what: string) => z.number().nonnegative().describe(`${what}, milliseconds`);
const probability = z.number().min(0).max(1);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const byLabel = z.record(z.string(), probability);

export const modelSchema = z.object({
  name: z.string(),
  version: z.string().nullable().describe('Version in the registry; null for a model from elsewhere'),
  digest: digest.describe('sha256 of the package manifest'),
});

const decisionSchema = z
  .object({
    level: z.enum(['image', 'unit']).describe('Whose thresholds these are: of one slice or of a series'),
    raw: byLabel.describe('The probabilities as the network gave them, before calibration'),
    temperature: z
      .number()
      .positive()
      .nullable()
      .describe('By which `probabilities` were calibrated; null where the package has none'),
    operatingPoint: z
      .object({
        threshold: z.number().describe('On `raw` of the positive label'),
        rule: z.string().describe('How it was chosen, on validation data'),
        sensitivity: probability,
        specificity: probability,
      })
      .nullable(),
    conformal: z
      .object({
        alpha: z.number().describe('The right label is left out in at most this part of like cases'),
        labels: z.array(z.string()).describe('The labels that are not excluded; one where it is classified'),
      })
      .nullable(),
  })
  .describe('How the answer was made of what the network said');

const seriesSchema = z.object({
  slices: z.int().positive().describe('In the series'),
  scored: z.int().positive().describe('That show the chest and were scored'),
  rule: z.string().describe('How the scores of slices became one'),
  deciding: z
    .object({
      index: z.int().nonnegative().describe('Place in the series, from 0, from the feet to the head'),
      name: z.string().describe('The name under which the client sent the file'),
      frame: z.int().nonnegative().describe('In that file, from 0'),
      positionMm: z.number().nullable(),
      raw: byLabel,
    })
    .describe('The slice with the highest score of the positive label'),
  refused: z
    .array(z.object({ name: z.string(), code: z.string(), message: z.string() }))
    .describe('Files that are no part of the series'),
});

export const classificationSchema = z
  .object({
    outcome: z
      .enum(['classified', 'abstained'])
      .describe('`abstained`: the model has an opinion and does not stand by it; see `abstention`'),
    label: z.string().describe('The label with the highest probability'),
    probability: probability.describe('Calibrated probability of `label`'),
    probabilities: byLabel.describe('Calibrated, of every label; they add up to 1'),
    positive: z
      .object({
        label: z.string(),
        probability,
        called: z.boolean().nullable().describe('At or above the operating point; null where there is none'),
      })
      .describe('The label that the model was made to find, whatever `label` is'),
    decision: decisionSchema,
    abstention: z.object({ code: z.enum(['SEVERAL_LABELS', 'NO_LABEL']), message: z.string() }).nullable(),
    series: seriesSchema.nullable().describe('null for one image'),
    model: modelSchema,
    engine: z.object({
      engine: z.enum(['onnxruntime', 'tensorflow', 'wasm']),
      precision: z.enum(['float32', 'int8']),
    }),
    contract: digest.describe(
      'Digest of the preprocessing contract by which the image became the input of the network',
    ),
    image: z.object({
      format: z.enum(['dicom', 'png', 'jpeg']),
      rows: z.int().positive(),
      columns: z.int().positive(),
    }),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })),
    timings: z.object({
      decodeMs: ms('Bytes to pixels; of a series to tensors, as far as the engine had to wait for them'),
      preprocessMs: ms('Pixels to tensor; 0 of a series, where it is part of decodeMs'),
      queueMs: ms('Wait for the engine; of a series the sum of its slices, which overlap'),
      inferMs: ms('Tensor to probabilities; of a series the sum of its slices'),
      totalMs: ms('From the complete body to this answer'),
    }),
    requestId: z.uuid(),
    notice: z.literal(NOTICE),
  })
  .describe('One image or one series, classified. Research use only, not for diagnosis.');

export type Classification = z.infer<typeof classificationSchema>;
