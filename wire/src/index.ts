export { NOTICE, classificationSchema, modelSchema, type Classification } from './classification.ts';
export { HEATMAP_HEADER, explanationSchema, heatmapSchema, type Explanation } from './explanation.ts';
export { liveSchema, readySchema } from './health.ts';
export { jsonSchema } from './json-schema.ts';
export { notReadySchema, problemSchema, type Problem } from './problem.ts';
export { PIXELS_HEADER, pixelsSchema, type Pixels } from './pixels.ts';
export {
  inferRequestSchema,
  inferResponseSchema,
  invocationsSchema,
  modelMetadataSchema,
  modelReadySchema,
  oipProblemSchema,
  predictionsSchema,
  repositoryAskSchema,
  repositoryIndexSchema,
  serverMetadataSchema,
  type InferRequest,
  type InferResponse,
  type ModelMetadata,
} from './oip.ts';
