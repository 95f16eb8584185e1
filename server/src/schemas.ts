/** What goes over the wire, once: types, the OpenAPI document and the tests all come from here. */
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from './errors.ts';
import { READINESS_CODES, type ReadinessCode } from './readiness.ts';

export const NOTICE = 'Research use only, not for diagnosis.';

const ms = (what: string) => z.number().nonnegative().describe(`${what}, milliseconds`);
const probability = z.number().min(0).max(1);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

export const classificationSchema = z
  .object({
    label: z.string().describe('The label with the highest probability'),
    probability: probability.describe('Probability of `label`'),
    probabilities: z.record(z.string(), probability).describe('Of every label; they add up to 1'),
    positive: z
      .object({ label: z.string(), probability })
      .describe('The label that the model was made to find, whatever `label` is'),
    model: z.object({
      name: z.string(),
      version: z.string().nullable().describe('Version in the registry; null for a model from a folder'),
      digest: digest.describe('sha256 of the package manifest'),
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
      decodeMs: ms('Bytes to pixels'),
      preprocessMs: ms('Pixels to tensor'),
      queueMs: ms('Wait for the engine'),
      inferMs: ms('Tensor to probabilities'),
      totalMs: ms('From the complete body to this answer'),
    }),
    requestId: z.uuid(),
    notice: z.literal(NOTICE),
  })
  .describe('One image, classified. Research use only, not for diagnosis.');

export type Classification = z.infer<typeof classificationSchema>;

const codes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];
const reasons = Object.keys(READINESS_CODES) as [ReadinessCode, ...ReadinessCode[]];

const problemFields = {
  type: z.string().describe('urn:hilum:error:CODE'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What is wrong with this request'),
  code: z.enum(codes).describe('Stable; compare this'),
  requestId: z.string(),
};

export const problemSchema = z.object(problemFields).describe('RFC 9457 problem details');

export const liveSchema = z.object({ live: z.literal(true) }).describe('The process answers');

export const readySchema = z
  .object({
    ready: z.literal(true),
    model: classificationSchema.shape.model,
  })
  .describe('Images are answered');

export const notReadySchema = z
  .object({
    ...problemFields,
    ready: z.literal(false),
    reason: z.enum(reasons).describe('Where the model is on its way'),
    progress: z.object({ bytes: z.int().nonnegative(), totalBytes: z.int().nonnegative() }).optional(),
  })
  .describe('Images are not answered, and why');

export type NotReady = z.infer<typeof notReadySchema>;

/** A zod schema as the JSON Schema that OpenAPI 3.1 takes. */
export function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'output' });
  return rest;
}
