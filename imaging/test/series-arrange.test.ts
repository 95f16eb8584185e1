import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SliceFacts, Vector } from '../src/dicom/facts.ts';
import { arrange, collisions, groupFrames } from '../src/series/arrange.ts';
import { aFrame, arranged, frames, positionsOf } from './series-facts.ts';

const SAGITTAL: SliceFacts['orientation'] = [
  [0, 1, 0],
  [0, 0, -1],
];
const CORONAL: SliceFacts['orientation'] = [
  [1, 0, 0],
  [0, 0, -1],
];

describe('order', () => {
  test('is by position along the normal, whatever the instance numbers say', () => {
    const given = [3, 1, 2].map((z) => aFrame(z, { instanceNumber: 4 - z }));
    expect(positionsOf(arranged(given))).toEqual([1, 2, 3]);
  });

  test('follows the normal where the plane is not quite axial', () => {
    // 22° about the x axis; the slices step along their normal, which is (0, sin, cos).
    const [sin, cos] = [Math.sin(0.384), Math.cos(0.384)];
    const orientation: SliceFacts['orientation'] = [
      [1, 0, 0],
      [0, cos, -sin],
    ];
    const given = [2, 0, 1].map((at) => aFrame(at, { orientation, position: [5, at * sin, at * cos] }));
    const series = arranged(given);
    expect(positionsOf(series).map((mm) => mm?.toFixed(6))).toEqual(['0.000000', '1.000000', '2.000000']);
    expect(series).toMatchObject({ plane: 'axial', tiltDegrees: 0, warnings: [] });
  });

  test('is along one normal, also where each header rounds its own', () => {
    const given = [0, 1, 2].map((z) =>
      aFrame(z, {
        orientation: [
          [1, 0, z * 1e-4],
          [0, 1, 0],
        ],
      }),
    );
    expect(arranged(given.toReversed())).toEqual(arranged(given));
    expect(positionsOf(arranged(given))).toEqual([0, 1, 2]);
  });

  test('and everything found does not hang on the order that files come in', () => {
    const given = [...frames([0, 1, 2, 3, 4, 5.3]), aFrame(2, { instanceUid: '1.2.3.4.9' }), aFrame(9)];
    const alike = given.filter(({ facts }) => facts.position?.[2] === 2);
    const want = arranged(given, alike);
    expect(want.refusal?.code).toBe('SERIES_GAP');
    fc.assert(
      fc.property(fc.shuffledSubarray([...given], { minLength: given.length }), (shuffled) => {
        expect(arranged(shuffled, alike)).toEqual(want);
      }),
    );
  });
});

describe('grouping', () => {
  test('is by Series Instance UID, and a file without one stands alone', () => {
    const given = [
      aFrame(1),
      aFrame(1, { seriesUid: '1.9' }),
      aFrame(2),
      aFrame(3, { seriesUid: '' }),
      aFrame(4, { seriesUid: '' }),
    ];
    expect(groupFrames(given).map((group) => group.map(({ facts }) => facts.position?.[2]))).toEqual([
      [1, 2],
      [1],
      [3],
      [4],
    ]);
  });

  test('a single slice is a series of one, also without geometry', () => {
    expect(arranged([aFrame(7)])).toMatchObject({ spacingMm: undefined, warnings: [], plane: 'axial' });
    const bare = arranged([aFrame(7, { position: undefined, orientation: undefined })]);
    expect(bare).toMatchObject({ plane: undefined, slices: [{ positionMm: undefined }] });
    expect(bare.refusal).toBeUndefined();
  });
});

describe('spacing', () => {
  test('comes from positions, not from the slice thickness', () => {
    expect(arranged(frames([0, 1, 2, 3], { sliceThicknessMm: 2 }))).toMatchObject({
      spacingMm: 1,
      sliceThicknessMm: 2,
      warnings: [],
    });
  });

  test.each([
    ['one slice', [0, 1, 3, 4], 'Between 1 mm and 3 mm 1 slice is missing.'],
    ['two slices', [-2.5, 0, 2.5, 10, 12.5], 'Between 2.5 mm and 10 mm 2 slices are missing.'],
    [
      'slices in two places',
      [0, 1, 3, 4, 5, 8],
      'Between 1 mm and 3 mm 1 slice is missing. Between 5 mm and 8 mm 2 slices are missing.',
    ],
    ['the middle of three slices and one', [0, 1, 3], 'Between 1 mm and 3 mm 1 slice is missing.'],
  ])('%s missing is a gap, with where and how many', (_name, positions, text) => {
    expect(arranged(frames(positions)).refusal).toEqual({ code: 'SERIES_GAP', text });
  });

  test('many gaps are counted', () => {
    const { refusal } = arranged(frames([0, 1, 3, 4, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19]));
    expect(refusal?.text).toMatch(/And 2 more gaps\.$/);
  });

  test('uneven steps without a gap are a warning', () => {
    const series = arranged(frames([0, 1, 2, 3.4, 4.4, 5.2]));
    expect(series.refusal).toBeUndefined();
    expect(series.warnings).toMatchObject([
      {
        code: 'SPACING_IRREGULAR',
        message: 'The slices are not evenly spaced: 1 mm as a rule, but also 0.8 mm to 1.4 mm.',
      },
    ]);
  });

  test('steps of 0.625 mm, rounded to a decimal, are even', () => {
    const rounded = Array.from({ length: 9 }, (_, at) => Number((at * 0.625).toFixed(1)));
    expect(arranged(frames(rounded))).toMatchObject({ spacingMm: 0.6, warnings: [] });
  });

  test('thin slices far apart are a warning', () => {
    expect(arranged(frames([0, 10, 20])).warnings).toMatchObject([
      {
        code: 'SLICES_APART',
        message: 'Slices of 1 mm lie 10 mm apart: what lies between them is on no slice.',
      },
    ]);
  });
});

describe('copies', () => {
  const copy = aFrame(1, { instanceUid: '1.2.3.4.0' });
  const given = [...frames([0, 1, 2]), copy];

  test('with the same pixels are taken once, the first by instance UID', () => {
    expect(collisions(given).map((cell) => cell.map(({ facts }) => facts.instanceUid))).toEqual([
      ['1.2.3.4.0', '1.2.3.4.1'],
    ]);
    const series = arrange(given, () => 'same');
    expect(series.slices.map(({ facts }) => facts.instanceUid)).toEqual([
      '1.2.3.4.0',
      '1.2.3.4.0',
      '1.2.3.4.2',
    ]);
    expect(series.warnings).toMatchObject([{ code: 'DUPLICATE_DROPPED', names: ['1.2.3.4.1.dcm'] }]);
  });

  test('with other pixels refuse the series', () => {
    expect(arranged(given).refusal).toMatchObject({ code: 'SERIES_DUPLICATE' });
    expect(arranged(given).refusal?.text).toMatch(/^At 1 mm lie 2 slices that show different pixels/);
  });

  test('that cannot be decoded give way to one that can', () => {
    const series = arrange(given, (frame) => (frame.source === copy.source ? undefined : 'pixels'));
    expect(series.refusal).toBeUndefined();
    expect(series.slices[1]?.source.name).toBe('1.2.3.4.1.dcm');
    const none = arrange(given, () => undefined);
    expect(none.slices).toHaveLength(3);
  });

  test('whose position was rounded elsewhere are still copies', () => {
    const rounded = aFrame(1.0004, { instanceUid: '1.2.3.4.00' });
    expect(collisions([...frames([0, 1, 2]), rounded])).toHaveLength(1);
    // Who is kept hangs on the UID, not on the rounding.
    const series = arrange([...frames([0, 1, 2]), rounded], () => 'same');
    expect(series.slices[1]?.facts.instanceUid).toBe('1.2.3.4.00');
  });
});

describe('localisers', () => {
  test('are left out by their image type', () => {
    const scout = aFrame(0, { localizer: true, rows: 888, orientation: CORONAL });
    const series = arranged([scout, ...frames([0, 1, 2])]);
    expect(series).toMatchObject({ rows: 512, warnings: [{ code: 'LOCALIZER_DROPPED' }] });
    expect(series.refusal).toBeUndefined();
  });

  test.each([
    ['one slice', [CORONAL]],
    ['a frontal and a lateral one', [CORONAL, SAGITTAL]],
  ])('are left out where the header is silent and %s is cut across all others', (_name, across) => {
    const scouts = across.map((orientation, at) => aFrame(at, { orientation, instanceUid: `0.${at}` }));
    const series = arranged([...scouts, ...frames([0, 1, 2])]);
    expect(series.slices).toHaveLength(3);
    expect(series.warnings[0]?.names).toEqual(scouts.map(({ source }) => source.name));
  });

  test('alone are refused as what they are', () => {
    expect(arranged([aFrame(0, { localizer: true })]).refusal?.code).toBe('LOCALIZER');
  });
});

describe('a mixture is refused, and says of what:', () => {
  test.each<[string, Partial<SliceFacts>, string]>([
    [
      'a smaller matrix',
      { rows: 256, columns: 256 },
      'The series mixes matrix sizes (256 × 256, 512 × 512).',
    ],
    [
      'another pixel spacing',
      { pixelSpacing: [0.7, 0.75] },
      'The series mixes pixel spacings (4 slices against 1).',
    ],
    [
      'another kernel',
      { kernel: 'Doe^John' },
      'The series mixes reconstruction kernels (4 slices against 1).',
    ],
    [
      'another frame of reference',
      { frameOfReferenceUid: '1.8' },
      'The series mixes frames of reference (4 slices against 1).',
    ],
    [
      'a plane turned by 5°',
      {
        orientation: [
          [0.996, 0.087, 0],
          [-0.087, 0.996, 0],
        ],
      },
      'The series mixes orientations (4 slices against 1).',
    ],
  ])('%s', (_name, over, text) => {
    const { refusal } = arranged([...frames([0, 1, 2, 3]), aFrame(4, over)]);
    expect(refusal).toEqual({ code: 'SERIES_MIXED', text });
  });

  test('but what one slice leaves unsaid is no mixture', () => {
    const silent = aFrame(3, { kernel: undefined, frameOfReferenceUid: undefined, pixelSpacing: undefined });
    expect(arranged([...frames([0, 1, 2]), silent]).refusal).toBeUndefined();
  });
});

describe('planes', () => {
  test.each([
    ['sagittal', SAGITTAL, 0],
    ['coronal', CORONAL, 1],
  ])('a %s series is in order and refused', (plane, orientation, axis) => {
    const given = [2, 0, 1].map((at) =>
      aFrame(at, {
        orientation,
        position: [0, 0, 0].map((_, k) => (k === axis ? at : 9)) as unknown as Vector,
      }),
    );
    const series = arranged(given);
    expect(series).toMatchObject({ plane, refusal: { code: 'NOT_AXIAL' } });
    expect(positionsOf(series)).toEqual(positionsOf(series).toSorted((a, b) => (a ?? 0) - (b ?? 0)));
  });

  test('a prone or mirrored view is a warning', () => {
    const orientation: SliceFacts['orientation'] = [
      [-1, 0, 0],
      [0, -1, 0],
    ];
    expect(arranged(frames([0, 1, 2], { orientation })).warnings).toMatchObject([{ code: 'VIEW_UNUSUAL' }]);
  });

  test('a tilted gantry is a warning with its angle', () => {
    const given = [0, 1, 2, 3, 4].map((z) => aFrame(z, { position: [0, z * Math.tan(0.35), z] }));
    const series = arranged(given);
    expect(series.tiltDegrees).toBeCloseTo(20.05, 2);
    expect(series.warnings).toMatchObject([{ code: 'SERIES_TILTED' }]);
    expect(series.warnings[0]?.message).toContain('20.1°');
    expect(series.refusal).toBeUndefined();
  });

  test('less than a degree is no tilt', () => {
    const given = Array.from({ length: 100 }, (_, z) => aFrame(z, { position: [0, z * 0.01, z] }));
    expect(arranged(given).tiltDegrees).toBe(0);
  });

  test('rounded positions are no tilt', () => {
    const given = [0, 1, 2].map((z) => aFrame(z, { position: [z === 1 ? 0.1 : 0, 0, z] }));
    expect(arranged(given).tiltDegrees).toBe(0);
  });
});

describe('a header that lies about its geometry is refused:', () => {
  const X: Vector = [1, 0, 0];
  test.each<[string, Partial<SliceFacts>]>([
    ['no position', { position: undefined }],
    ['no orientation', { orientation: undefined }],
    ['a position that is no number', { position: [0, Number.NaN, 1] }],
    ['an infinite position', { position: [0, 0, Infinity] }],
    ['a position in another town', { position: [0, 0, 1e300] }],
    ['cosines that are no numbers', { orientation: [X, [Number.NaN, 1, 0]] }],
    ['cosines of length zero', { orientation: [X, [0, 0, 0]] }],
    ['cosines of length two', { orientation: [X, [0, 2, 0]] }],
    ['infinite cosines', { orientation: [X, [0, Infinity, 0]] }],
    ['one direction twice', { orientation: [X, X] }],
    ['rows and columns that are not perpendicular', { orientation: [X, [0.6, 0.8, 0]] }],
    ['pixels without a size', { pixelSpacing: [0, 0.7] }],
    ['pixels of negative size', { pixelSpacing: [0.7, -0.7] }],
    ['pixels whose size is no number', { pixelSpacing: [Number.NaN, 0.7] }],
    ['pixels of a metre', { pixelSpacing: [1000, 0.7] }],
  ])('%s', (_name, over) => {
    const series = arranged([...frames([0, 1, 2]), aFrame(3, over)]);
    expect(series.refusal?.code).toBe('GEOMETRY_UNKNOWN');
    expect(series.slices).toHaveLength(4);
  });

  test('slices that lie too far apart to be a stack', () => {
    expect(arranged(frames([0, 500, 1000])).refusal?.code).toBe('GEOMETRY_UNKNOWN');
  });

  test('any facts at all give a series, never an exception', () => {
    const odd = fc.oneof(
      fc.double(),
      fc.constantFrom(0, 1, -1, Number.NaN, Infinity, 1e308),
      fc.integer({ min: -9, max: 9 }),
    );
    const vector = fc.tuple(odd, odd, odd);
    const facts = fc.record({
      position: fc.option(vector, { nil: undefined }),
      orientation: fc.option(fc.tuple(vector, vector), { nil: undefined }),
      pixelSpacing: fc.option(fc.tuple(odd, odd), { nil: undefined }),
      sliceThicknessMm: odd,
      localizer: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 6 }), (list) => {
        const series = arranged(list.map((over, at) => aFrame(at, over)));
        expect(series.slices.length).toBeGreaterThan(0);
        expect(series.refusal?.text).not.toBe('');
      }),
    );
  });
});
