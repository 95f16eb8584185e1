import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { cases, minimalModelDeployment, minimalTrainingRun } from './cases.ts';
import { CONDITION_TYPES, REASONS, reasonOf } from './conditions.ts';
import { customResourceDefinitions } from './crd.ts';
import { modelDeploymentSpecSchema } from './model-deployment.ts';
import { ruled } from './rules.ts';
import { type JsonSchema, toStructural } from './structural.ts';
import { trainerConfigSchema, trainerReportSchema } from './trainer.ts';
import { trainingRunSpecSchema } from './training-run.ts';

const schemas = { TrainingRun: trainingRunSpecSchema, ModelDeployment: modelDeploymentSpecSchema };

describe('zod judges a spec as the API server does', () => {
  it.each(cases)('$name', ({ kind, spec, refused }) => {
    const issues = schemas[kind].safeParse(spec).error?.issues ?? [];
    const said = issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n') || 'accepted';
    expect(said).toContain(refused ?? 'accepted');
  });

  it('refuses a field that it does not know, at every depth', () => {
    const deep = { ...minimalTrainingRun, hyperparameters: { momentum: '0.9' } };
    expect(trainingRunSpecSchema.safeParse(deep).success).toBe(false);
    expect(modelDeploymentSpecSchema.safeParse({ ...minimalModelDeployment, canary: {} }).success).toBe(
      false,
    );
  });

  it('fills the same defaults as the CRD', () => {
    const run = trainingRunSpecSchema.parse(minimalTrainingRun);
    expect(run).toMatchObject({
      suspend: false,
      dataset: { split: { seed: 7, validationPercent: 20, testPercent: 20 } },
      preprocessing: { inputSize: 128 },
      model: { trainableFrom: 'head', headUnits: 256, dropout: '0.5' },
      hyperparameters: { epochs: 20, batchSize: 32, learningRate: '0.001', seed: 7 },
      tracking: { experiment: 'hilum' },
      registration: { alias: 'champion' },
      limits: { startSeconds: 1800, activeSeconds: 86_400, retries: 2 },
    });
  });
});

describe('the emitted CRDs', () => {
  it.each(customResourceDefinitions)(
    '$metadata.name lies in the tree as the schemas have it',
    async (definition) => {
      const path = join(import.meta.dirname, '..', `${definition.metadata.name}.yaml`);
      expect(parse(await readFile(path, 'utf8'))).toEqual(JSON.parse(JSON.stringify(definition)));
    },
  );

  it.each(customResourceDefinitions)('$metadata.name stays within 64 KiB', (definition) => {
    expect(Buffer.byteLength(JSON.stringify(definition))).toBeLessThan(64 * 1024);
  });

  it('carry a CEL rule with the message of each rule of zod', () => {
    const text = JSON.stringify(customResourceDefinitions);
    const rules = cases.flatMap(({ refused }) =>
      refused !== undefined && refused.includes(' ') ? [refused] : [],
    );
    expect(rules.filter((message) => !text.includes(message))).toEqual([]);
  });
});

describe('toStructural', () => {
  it.each([
    ['a union', z.union([z.string().max(3), z.int()]).describe('d'), 'anyOf'],
    ['a string without maximum', z.string().describe('d'), 'maxLength'],
    ['a list without maximum', z.array(z.string().max(3).describe('d')).describe('d'), 'maxItems'],
    [
      'a map without maximum',
      z.record(z.string(), z.string().max(3).describe('d')).describe('d'),
      'maxProperties',
    ],
    ['a field without description', z.object({ a: z.int() }).describe('d'), '.a: needs a description'],
    ['a floating-point number', z.number().describe('d'), 'type number'],
  ])('refuses %s', (_what, schema, message) => {
    expect(() => structural(schema)).toThrow(message);
  });

  it('keeps the CEL twin of a rule through describe and default', () => {
    const rule = { rule: 'self > 1', message: 'too small', holds: (self: number) => self > 1 };
    const schema = ruled(z.int().min(0).max(9), [rule]).describe('d').default(5);
    expect(structural(schema)).toMatchObject({
      default: 5,
      'x-kubernetes-validations': [{ rule: 'self > 1', message: 'too small' }],
    });
    expect(schema.safeParse(1).success).toBe(false);
  });

  it('writes the defaults of the fields into the default of their object', () => {
    const inner = z.strictObject({ a: z.int().min(0).max(9).default(3).describe('d') }).describe('d');
    expect(structural(inner.prefault({}))).toMatchObject({ default: { a: 3 } });
  });
});

describe('the vocabulary of status', () => {
  it('uses words that the API server takes as a reason', () => {
    for (const reason of Object.keys(REASONS)) expect(reason).toMatch(/^[A-Z][A-Za-z0-9]{0,63}$/);
  });

  it('ends each text as a sentence', () => {
    for (const types of Object.values(CONDITION_TYPES)) {
      for (const text of Object.values(types)) expect(text).toMatch(/\.$/);
    }
    for (const { text } of Object.values(REASONS)) expect(text).toMatch(/\.$/);
  });

  it('turns the code of a report into a reason, and an unknown code into TrainerFailed', () => {
    expect(reasonOf('DATASET_MISSING')).toBe('DatasetMissing');
    expect(reasonOf('NEVER_HEARD_OF')).toBe('TrainerFailed');
  });
});

describe('the messages between operator and trainer', () => {
  it('carries the parts of the spec as they are', () => {
    const { dataset, preprocessing, model, hyperparameters, augmentation, packaging, registration } =
      trainingRunSpecSchema.parse(minimalTrainingRun);
    const run = { name: 'r', namespace: 'default', uid: '1' };
    const tracking = { uri: 'http://mlflow:5000', experiment: 'hilum' };
    const recipe = { model, hyperparameters, augmentation, packaging };
    const config = { run, dataset, preprocessing, ...recipe, tracking, registration };
    expect(trainerConfigSchema.parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it('reads a report of failure and one of success', () => {
    const failed = { outcome: 'failed', code: 'DATASET_MISSING', message: 'no such md5', retryable: false };
    expect(trainerReportSchema.parse(failed)).toEqual(failed);
    const succeeded = {
      outcome: 'succeeded',
      experimentId: '1',
      runId: 'abc',
      dataset: { files: 90, patients: { train: 6, validation: 2, test: 2 } },
      evaluation: { accuracy: 0.9, aucRoc: 0.95, samples: 18 },
      gate: { passed: true, message: 'AUC-ROC 0.95 reaches 0.80' },
      model: { name: 'lung', version: '1', digest: `sha256:${'0'.repeat(64)}`, alias: 'champion' },
    };
    expect(trainerReportSchema.parse(succeeded)).toEqual(succeeded);
    expect(trainerReportSchema.safeParse({ ...succeeded, evaluation: { accuracy: 2 } }).success).toBe(false);
  });
});

function structural(schema: z.ZodType): JsonSchema {
  return toStructural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }));
}
