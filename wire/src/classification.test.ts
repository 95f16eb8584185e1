import { describe, expect, it } from 'vitest';
import { NOTICE, classificationSchema } from './classification.ts';
import { jsonSchema } from './json-schema.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const raw = { benign: 0.25, malignant: 0.75 };

const ANSWER = {
  outcome: 'classified',
  label: 'malignant',
  probability: 0.75,
  probabilities: raw,
  positive: { label: 'malignant', probability: 0.75, called: true },
  decision: { level: 'image', raw, temperature: null, operatingPoint: null, conformal: null },
  abstention: null,
  series: null,
  model: { name: 'lung', version: null, digest },
  engine: { engine: 'onnxruntime', precision: 'float32' },
  contract: digest,
  image: { format: 'png', rows: 512, columns: 512 },
  warnings: [],
  timings: { decodeMs: 1, preprocessMs: 1, queueMs: 0, inferMs: 60, totalMs: 62 },
  requestId: '3f2b8d0e-5a53-4f0e-9a1c-6f5f3c2f9f11',
  notice: NOTICE,
};

describe('the answer of /v1/classify', () => {
  it('is one with every field, and the notice of research use', () => {
    expect(classificationSchema.parse(ANSWER)).toEqual(ANSWER);
  });

  it.each([
    ['another notice', { notice: 'For diagnosis.' }],
    ['a probability above 1', { probability: 1.5 }],
    ['a digest of nothing', { contract: 'sha256:' }],
    ['an outcome that is none', { outcome: 'perhaps' }],
    ['no outcome', { outcome: undefined }],
  ])('is refused with %s', (_, change) => {
    expect(classificationSchema.safeParse({ ...ANSWER, ...change }).success).toBe(false);
  });

  it('is described in OpenAPI by the same words: all fields are there, and required', () => {
    const schema = jsonSchema(classificationSchema);
    expect(schema).not.toHaveProperty('$schema');
    expect(Object.keys(schema['properties'] as object).toSorted()).toEqual(Object.keys(ANSWER).toSorted());
    expect([...(schema['required'] as string[])].toSorted()).toEqual(Object.keys(ANSWER).toSorted());
    expect(schema['description']).toContain('Research use only');
  });
});
