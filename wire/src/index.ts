export { NOTICE, classificationSchema, modelSchema, type Classification } from './classification.ts';
export { liveSchema, readySchema } from './health.ts';
export { jsonSchema } from './json-schema.ts';
export { notReadySchema, problemSchema, type Problem } from './problem.ts';
