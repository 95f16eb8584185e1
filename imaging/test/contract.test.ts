import { describe, expect, test } from 'vitest';
import { contractDigest, contractSchema, defaultContract } from '../src/index.ts';

describe('a contract', () => {
  test('of a new hu run has the lung, mediastinum and bone windows', () => {
    expect(defaultContract('hu', 224)).toEqual({
      version: 1,
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
    });
  });

  test('survives JSON and parsing unchanged', () => {
    for (const contract of [
      defaultContract('hu', 64),
      defaultContract('grey', 96, { center: -600, width: 1500 }),
    ]) {
      expect(contractSchema.parse(JSON.parse(JSON.stringify(contract)))).toEqual(contract);
    }
  });

  test.each([
    ['an unknown field', { ...defaultContract('grey', 64), gamma: 2 }],
    ['a later version', { ...defaultContract('grey', 64), version: 2 }],
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
      'sha256:f96269f51d49ae558dd6f99cc118a4d5ab9554c44be3aeb939e66e4d73295a36',
    );
    expect(contractDigest(defaultContract('grey', 224))).toBe(
      'sha256:0f5aa4202591c8bb5b6252bc8c41a776f142f43b5201b63fd28b4a0e2953df84',
    );
  });

  test('has one digest whatever the order of its keys', () => {
    const contract = defaultContract('hu', 224);
    const shuffled = contractSchema.parse(Object.fromEntries(Object.entries(contract).toReversed()));
    expect(contractDigest(shuffled)).toBe(contractDigest(contract));
    expect(contractDigest({ ...contract, crop: 'center-square' })).not.toBe(contractDigest(contract));
  });
});
