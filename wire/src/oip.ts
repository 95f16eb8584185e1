/**
 * The Open Inference Protocol over HTTP, version 2, as this server speaks it, with the binary tensor extension, and the
 * body of MLflow's scoring protocol.
 *
 * Tensor data is checked against its declared shape by a loop of the server's, value by value: a schema over 150 000
 * numbers would cost more than the rest of the request.
 */
import { z } from 'zod';
import { NOTICE } from './classification.ts';
import { problemSchema } from './problem.ts';

const parametersSchema = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .describe('Names and values');

const shape = z.array(z.int().min(0)).min(1).max(8);

const dataSchema = z.unknown().meta({
  type: 'array',
  description: 'Row-major, flat or nested; absent where `binary_data_size` says that it follows the JSON',
});

const inferInputSchema = z.looseObject({
  name: z.string().describe('`image` or `encoded`'),
  shape,
  datatype: z.string(),
  parameters: z.looseObject({ binary_data_size: z.int().min(0).optional() }).optional(),
  data: dataSchema.optional(),
});

const inferOutputAskSchema = z.looseObject({
  name: z.string(),
  parameters: z.looseObject({ binary_data: z.boolean().optional() }).optional(),
});

export const inferRequestSchema = z
  .looseObject({
    id: z.string().max(256).optional().describe('Comes back in the answer; never logged'),
    parameters: z
      .looseObject({
        timeout: z
          .int()
          .min(0)
          .optional()
          .describe('Microseconds until the answer is of no use; 0: no limit'),
        binary_data_output: z.boolean().optional().describe('Every output as bytes after the JSON'),
      })
      .optional(),
    inputs: z.array(inferInputSchema).min(1).max(16),
    outputs: z.array(inferOutputAskSchema).max(16).optional(),
  })
  .describe('An inference request');

export type InferRequest = z.infer<typeof inferRequestSchema>;

const inferOutputSchema = z.object({
  name: z.string(),
  datatype: z.string(),
  shape,
  parameters: parametersSchema.optional(),
  data: z.array(z.number()).optional().describe('Absent where it follows the JSON as bytes'),
});

export const inferResponseSchema = z
  .object({
    model_name: z.string(),
    model_version: z.string().optional(),
    id: z.string().describe("The request's, or one of this server's"),
    parameters: parametersSchema.describe('How the answer was made, and the notice'),
    outputs: z.array(inferOutputSchema),
  })
  .describe(`The outputs of the network. ${NOTICE}`);

export type InferResponse = z.infer<typeof inferResponseSchema>;

export const serverMetadataSchema = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .describe('This server');

const tensorMetadataSchema = z.object({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.int().min(-1)).describe('-1: as many as the request has'),
});

export const modelMetadataSchema = z
  .object({
    name: z.string(),
    versions: z.array(z.string()).optional().describe('Absent for a model that no registry numbers'),
    platform: z.string(),
    inputs: z.array(tensorMetadataSchema),
    outputs: z.array(tensorMetadataSchema),
    parameters: parametersSchema.describe('Labels, engine, digests, notice'),
  })
  .describe('The model that this server serves');

export type ModelMetadata = z.infer<typeof modelMetadataSchema>;

export const modelReadySchema = z
  .object({ name: z.string(), ready: z.literal(true) })
  .describe('The model answers');

export const repositoryAskSchema = z.looseObject({ ready: z.boolean().optional() });

export const repositoryIndexSchema = z
  .array(
    z.object({ name: z.string(), version: z.string().optional(), state: z.string(), reason: z.string() }),
  )
  .describe('The one model of this server');

/** A problem body that clients of this protocol read too. */
export const oipProblemSchema = problemSchema
  .extend({ error: z.string().describe('The same as `detail`') })
  .describe('RFC 9457 problem details, with the `error` of the Open Inference Protocol');

/** The body of `/invocations`: one of the two, with the input of the network. */
export const invocationsSchema = z
  .looseObject({ inputs: dataSchema.optional(), instances: dataSchema.optional() })
  .describe('`inputs` or `instances`: `[n, s, s, 3]`, nested');

export const predictionsSchema = z
  .object({ predictions: z.object({ probabilities: z.array(z.array(z.number())) }) })
  .describe(`Probabilities of the labels, a row an image. ${NOTICE}`);
