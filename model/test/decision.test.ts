import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answerOf, loadEngine, writePackage, type Decision, type LevelDecision } from '../src/index.ts';
import { metadata, smallModel } from './fixture.ts';

const LABELS = ['benign', 'malignant'];

function learnt(over: Partial<LevelDecision> = {}): LevelDecision {
  return {
    operatingPoint: {
      threshold: 0.4,
      chosenBy: { rule: 'sensitivity', atLeast: 0.9 },
      sensitivity: 0.92,
      specificity: 0.7,
    },
    temperature: { temperature: 2, nllBefore: 1, nllAfter: 0.5, samples: 40, atLimit: false },
    conformal: { alpha: 0.1, threshold: 0.35, samples: 40 },
    shortcuts: {},
    aucRoc: {},
    ...over,
  };
}

function decided(image: LevelDecision, unit: LevelDecision = learnt()): Decision {
  return {
    version: 1,
    note: 'Research use only, not for diagnosis',
    labels: LABELS,
    positiveLabel: 'malignant',
    rule: { rule: 'sensitivity', atLeast: 0.9 },
    chosenOn: { part: 'validation', images: 40, units: 40, patients: 40 },
    aggregation: {
      unit: 'mean',
      patient: { of: 'units', rule: 'max' },
      chosenBy: 'request',
      candidates: [],
    },
    levels: { image, unit, patient: learnt() },
  };
}

const of = (malignant: number) => ({ benign: 1 - malignant, malignant });
const answer = (malignant: number, decision?: Decision, level: 'image' | 'unit' = 'image') =>
  answerOf(of(malignant), level, LABELS, 'malignant', decision);

describe('answerOf', () => {
  it('says what the network says, and promises nothing, where nothing was decided', () => {
    expect(answer(0.7)).toEqual({
      label: 'malignant',
      probabilities: of(0.7),
      called: null,
      temperature: null,
      operatingPoint: null,
      conformal: null,
      abstains: false,
    });
  });

  it('calibrates what it says of the labels, and keeps their order', () => {
    const { label, probabilities, temperature } = answer(0.8, decided(learnt()));
    expect([label, temperature]).toEqual(['malignant', 2]);
    // The odds of 4 to 1 at a temperature of 2 are 2 to 1.
    expect(probabilities['malignant']).toBeCloseTo(2 / 3, 12);
    expect((probabilities['benign'] ?? 0) + (probabilities['malignant'] ?? 0)).toBeCloseTo(1, 12);
  });

  it('does not calibrate by a temperature that lies at the end of its range', () => {
    const temperature = { ...fittedTo(0.05), atLimit: true };
    const { probabilities, temperature: used } = answer(0.8, decided(learnt({ temperature })));
    expect([used, probabilities['malignant']]).toEqual([null, 0.8]);
  });

  it('calls by the operating point on what the network gave, not on what was calibrated', () => {
    // At a temperature of 0.5, 0.41 is said as 0.33, which is below the threshold.
    const sharp = decided(learnt({ temperature: fittedTo(0.5) }));
    expect([answer(0.41, sharp).called, answer(0.4, sharp).called, answer(0.39, sharp).called]).toEqual([
      true,
      true,
      false,
    ]);
    expect(answer(0.41, sharp).label).toBe('benign');
    expect(answer(0.41, sharp).operatingPoint?.rule).toBe(
      'the best specificity at a sensitivity of 0.9 or more',
    );
  });

  it('abstains where several labels are left, or none, on what the network gave', () => {
    const sure = decided(learnt());
    expect(answer(0.7, sure)).toMatchObject({ abstains: false, conformal: { labels: ['malignant'] } });
    // What was calibrated, 0.6 for 0.7, would lie outside of the threshold.
    expect(answer(0.6, sure)).toMatchObject({ abstains: true, conformal: { labels: [], alpha: 0.1 } });
    const wide = decided(learnt({ conformal: { alpha: 0.1, threshold: 0.65, samples: 40 } }));
    expect(answer(0.6, wide)).toMatchObject({ abstains: true, conformal: { labels: LABELS } });
  });

  it('has thresholds of its own for a series', () => {
    const decision = decided(learnt(), learnt({ operatingPoint: { notDefined: 'one class' } }));
    expect([answer(0.7, decision).called, answer(0.7, decision, 'unit').called]).toEqual([true, null]);
  });
});

function fittedTo(temperature: number) {
  return { temperature, nllBefore: 1, nllAfter: 0.5, samples: 40, atLimit: false };
}

describe('the decision of a package', () => {
  it('is read with it where the manifest vouches for it, and refused where it is of another model', async () => {
    const tf = await loadEngine();
    const model = smallModel(tf);
    const scratch = await mkdtemp(join(tmpdir(), 'hilum-decision-'));
    const withDecision = async (decision: Decision | undefined) => {
      const extras: Record<string, Uint8Array> =
        decision === undefined ? {} : { 'training/decision.json': Buffer.from(JSON.stringify(decision)) };
      return (await writePackage(join(scratch, 'package'), tf, model, metadata, extras)).decision;
    };
    try {
      const own = { ...decided(learnt()), labels: metadata.labels };
      expect(await withDecision(own)).toEqual(own);
      // Still on the disk, and no longer in the manifest.
      expect(await withDecision(undefined)).toBeUndefined();
      await expect(withDecision(decided(learnt()))).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
    } finally {
      model.dispose();
      await rm(scratch, { recursive: true, force: true });
    }
  });
});
