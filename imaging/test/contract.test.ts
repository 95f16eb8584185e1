import { describe, expect, test } from 'vitest';
import { contractDigest, contractSchema, defaultContract } from '../src/index.ts';

describe('a contract', () => {
  test('of a new hu run has the lung, mediastinum and bone windows', () => {
    expect(defaultContract('hu', 224)).toEqual({
      version: 2,
      kind: 'hu',
      inputSize: 224,
      windows: [
        { center: -600, width: 1500 },
        { center: 40, width: 400 },
        { center: 400, width: 1800 },
      ],
      resize: 'bilinear',
      crop: 'none',
      normalisation: 'caffe',
      domain: 'chest-ct',
    });
  });

  test('survives JSON and parsing unchanged', () => {
    for (const contract of [
      defaultContract('hu', 64),
      defaultContract('grey', 96, { center: -600, width: 1500 }),
      { ...defaultContract('hu', 64), crop: 'lung', spacingMm: 0.7, domain: 'any' },
    ]) {
      expect(contractSchema.parse(JSON.parse(JSON.stringify(contract)))).toEqual(contract);
    }
  });

  test.each([
    ['an unknown field', { ...defaultContract('grey', 64), gamma: 2 }],
    ['a later version', { ...defaultContract('grey', 64), version: 3 }],
    ['the version that was never released', { ...defaultContract('grey', 64), version: 1 }],
    ['a domain of the other kind', { ...defaultContract('grey', 64), domain: 'chest-ct' }],
    ['no domain', { ...defaultContract('hu', 64), domain: undefined }],
    ['a crop to the lungs of a picture', { ...defaultContract('grey', 64), crop: 'lung' }],
    ['a spacing for a picture, which has none', { ...defaultContract('grey', 64), spacingMm: 1 }],
    ['a spacing of nothing', { ...defaultContract('hu', 64), spacingMm: 0 }],
    ['another resize', { ...defaultContract('grey', 64), resize: 'nearest' }],
    ['no size', { ...defaultContract('grey', 64), inputSize: 0 }],
    [
      'two windows',
      {
        ...defaultContract('hu', 64),
        windows: [
          { center: 0, width: 1 },
          { center: 0, width: 1 },
        ],
      },
    ],
    ['a window without width', { ...defaultContract('grey', 64), window: { center: 0, width: 0 } }],
  ])('with %s is refused', (_, contract) => {
    expect(contractSchema.safeParse(contract).success).toBe(false);
  });

  // These digests are in model packages: a change here makes every stored package unservable.
  test('keeps its digest over releases', () => {
    expect(contractDigest(defaultContract('hu', 224))).toBe(
      'sha256:2603acbe2764ccd6559ba98de887f2affdad584aec2f6ec5abd637c5529ffbeb',
    );
    expect(contractDigest(defaultContract('grey', 224))).toBe(
      'sha256:082591b7542e4d2dfbe876b9fb7e7f910351ca358dde9f98b28a80f5380bb08f',
    );
  });

  test('has one digest whatever the order of its keys', () => {
    const contract = defaultContract('hu', 224);
    const shuffled = contractSchema.parse(Object.fromEntries(Object.entries(contract).toReversed()));
    expect(contractDigest(shuffled)).toBe(contractDigest(contract));
    expect(contractDigest({ ...contract, crop: 'center-square' })).not.toBe(contractDigest(contract));
  });
});
