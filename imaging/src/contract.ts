import { createHash } from 'node:crypto';
import { z } from 'zod';

/** A display window in Hounsfield units (PS3.3 C.11.2.1.2). */
export type Window = { readonly center: number; readonly width: number };

/**
 * How an image becomes the network's input, and which images may. It is data: the trainer writes it into the model
 * package and the server honours the same bytes, so that training and serving cannot drift apart.
 *
 * - `hu`: CT slices in Hounsfield units; three windows become the three channels R, G, B.
 * - `grey`: 8- or 16-bit pictures, one grey value in three equal channels. `window` allows CT slices as well: they
 *   are rendered through it first, and the answer carries the warning RENDERED.
 *
 * `version` stands for every number that toTensor computes and every verdict of checkDomain: whoever changes one of
 * them raises it (see test/golden.test.ts). Version 1 was never released.
 */
export type Contract =
  | {
      readonly version: 2;
      readonly kind: 'hu';
      /** Side of the square input in pixels. */
      readonly inputSize: number;
      readonly windows: readonly [Window, Window, Window];
      readonly resize: 'bilinear';
      /** `lung`: the square about both lungs (see lung/crop.ts). */
      readonly crop: 'none' | 'center-square' | 'lung';
      /** Both distances between pixels, mm, to which the slice is resampled before the crop. */
      readonly spacingMm?: number | undefined;
      readonly normalisation: 'caffe';
      /** `chest-ct`: slices in which a lung is seen, of no other body part. */
      readonly domain: 'chest-ct' | 'any';
    }
  | {
      readonly version: 2;
      readonly kind: 'grey';
      readonly inputSize: number;
      readonly window?: Window | undefined;
      readonly resize: 'bilinear';
      readonly crop: 'none' | 'center-square';
      readonly normalisation: 'caffe';
      /** `ct-picture`: pictures that may be renderings of a CT slice. */
      readonly domain: 'ct-picture' | 'any';
    };

// Width below 1 has no meaning in PS3.3; the other bounds are those of 16-bit stored values.
const windowSchema = z.strictObject({
  center: z.number().min(-65_536).max(65_536),
  width: z.number().min(1).max(131_072),
});

const shared = {
  version: z.literal(2),
  inputSize: z.int().min(32).max(1024),
  resize: z.literal('bilinear'),
  normalisation: z.literal('caffe'),
};

/** Strict: a contract with an unknown field or version is one that we cannot honour exactly. */
export const contractSchema: z.ZodType<Contract> = z.discriminatedUnion('kind', [
  z.strictObject({
    ...shared,
    kind: z.literal('hu'),
    windows: z.tuple([windowSchema, windowSchema, windowSchema]),
    crop: z.enum(['none', 'center-square', 'lung']),
    // Scanners write 0.1 mm (a bone of the ear) to 1 mm; beyond 10 mm no lung has a shape.
    spacingMm: z.number().min(0.1).max(10).optional(),
    domain: z.enum(['chest-ct', 'any']),
  }),
  z.strictObject({
    ...shared,
    kind: z.literal('grey'),
    window: windowSchema.optional(),
    crop: z.enum(['none', 'center-square']),
    domain: z.enum(['ct-picture', 'any']),
  }),
]);

// Lung, mediastinum, bone: the three looks a radiologist gives a chest CT.
const chestWindows = [
  { center: -600, width: 1500 },
  { center: 40, width: 400 },
  { center: 400, width: 1800 },
] as const;

/** The contract of a new training run. `window` (HU) only has a meaning for `grey`. */
export function defaultContract(kind: 'hu' | 'grey', inputSize: number, window?: Window): Contract {
  const common = {
    version: 2,
    inputSize,
    resize: 'bilinear',
    crop: 'none',
    normalisation: 'caffe',
  } as const;
  return contractSchema.parse(
    kind === 'hu'
      ? { ...common, kind, windows: chestWindows, domain: 'chest-ct' }
      : { ...common, kind, domain: 'ct-picture', ...(window === undefined ? {} : { window }) },
  );
}

/** `sha256:…` over the contract's canonical JSON: keys sorted, no white space, absent fields left out. */
export function contractDigest(contract: Contract): string {
  return `sha256:${createHash('sha256').update(canonicalJson(contract)).digest('hex')}`;
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
