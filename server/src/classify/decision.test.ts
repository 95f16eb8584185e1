/** The answer where the package carries a decision, on a real image and a real network. */
import { closeDecoders } from '@hilum/imaging';
import type { Decision, LevelDecision, PackageInfo } from '@hilum/model';
import { type Classification, classificationSchema, problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  RENDERING,
  lidcPng,
  photoOfCat,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { decided } from '../../test/decision.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let engine: Engine;
/** Of the positive label, as the network gives it. */
let raw: number;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  if (DATA_ABSENT === false) raw = (await answer(undefined)).decision.raw['malignant'] ?? Number.NaN;
});

afterAll(async () => {
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

async function served(decision: Decision | undefined): Promise<Harness> {
  const model = servedAs({ ...info, ...(decision !== undefined && { decision }) }, RENDERING);
  return harness({ engine, model });
}

async function answer(decision: Decision | undefined): Promise<Classification> {
  const server = await served(decision);
  const response = await server.app.inject({ method: 'POST', url: '/v1/classify', payload: await lidcPng() });
  await server.close();
  return classificationSchema.strict().parse(response.json());
}

const pointAt = (threshold: number): Partial<LevelDecision> => ({
  operatingPoint: { threshold, chosenBy: { rule: 'youden' }, sensitivity: 0.8, specificity: 0.7 },
});

const conformalAt = (threshold: number): Partial<LevelDecision> => ({
  conformal: { alpha: 0.1, threshold, samples: 9 },
});

describe.skipIf(DATA_ABSENT)(`POST /v1/classify by the decision of the package ${DATA_ABSENT || ''}`, () => {
  it('promises nothing where the package has none', async () => {
    const said = await answer(undefined);
    expect(said.outcome).toBe('classified');
    expect(said.positive.called).toBeNull();
    expect(said.abstention).toBeNull();
    expect(said.decision).toEqual({
      level: 'image',
      raw: said.probabilities,
      temperature: null,
      operatingPoint: null,
      conformal: null,
    });
  });

  it('calls the positive label at the operating point, not below, and says how that was chosen', async () => {
    const at = await answer(decided(info, { image: pointAt(raw) }));
    expect(at.positive.called).toBe(true);
    expect(at.decision.operatingPoint).toEqual({
      threshold: raw,
      rule: 'the largest sum of sensitivity and specificity (Youden)',
      sensitivity: 0.8,
      specificity: 0.7,
    });
    expect((await answer(decided(info, { image: pointAt(raw + 1e-6) }))).positive.called).toBe(false);
  });

  it('gives calibrated probabilities beside those of the network, and calls by the latter', async () => {
    const temperature = { temperature: 0.2, nllBefore: 1, nllAfter: 0.9, samples: 9, atLimit: false };
    const said = await answer(decided(info, { image: { temperature, ...pointAt(raw) } }));
    const odds = (raw / (1 - raw)) ** 5;
    expect(said.positive.probability).toBeCloseTo(odds / (1 + odds), 6);
    expect(said.decision).toMatchObject({ temperature: 0.2, raw: { malignant: raw } });
    expect(said.probability).toBe(said.probabilities[said.label]);
    expect(said.positive.called).toBe(true);
  });

  it('stands by its label where that alone is left', async () => {
    const said = await answer(decided(info, { image: conformalAt(Math.min(raw, 1 - raw) + 1e-6) }));
    expect(said).toMatchObject({ outcome: 'classified', abstention: null });
    expect(said.decision.conformal).toEqual({ alpha: 0.1, labels: [said.label] });
  });

  it('abstains where both labels are left, or none, and says why in plain words', async () => {
    const both = await answer(decided(info, { image: conformalAt(0.99) }));
    expect(both.outcome).toBe('abstained');
    expect(both.decision.conformal?.labels).toEqual(['benign', 'malignant']);
    expect(both.abstention).toEqual({
      code: 'SEVERAL_LABELS',
      message:
        'The model cannot tell benign from malignant without being wrong in more than 10 % of like cases. Let a person decide.',
    });
    const none = await answer(decided(info, { image: conformalAt(0) }));
    expect([none.outcome, none.abstention?.code, none.label]).toEqual(['abstained', 'NO_LABEL', both.label]);
  });

  it('refuses what it is not for as a result, and what is no image as a mistake', async () => {
    const server = await served(undefined);
    const refusal = async (payload: Buffer) => {
      const response = await server.app.inject({ method: 'POST', url: '/v1/classify', payload });
      const { code, outcome } = problemSchema.strict().parse(response.json());
      return { code, outcome };
    };
    expect(await refusal(await photoOfCat())).toEqual({ code: 'OUT_OF_DOMAIN', outcome: 'refused' });
    expect(await refusal(Buffer.from('no image'))).toEqual({ code: 'NOT_AN_IMAGE', outcome: undefined });
    await server.close();
  });
});
