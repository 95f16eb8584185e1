import { afterAll, describe, expect, it } from 'vitest';
import { closeDecoders } from '../src/dicom/pool.ts';
import {
  ImagingError,
  checkDomain,
  decodeImage,
  defaultContract,
  prepareImage,
  toTensor,
} from '../src/index.ts';
import type { Contract } from '../src/index.ts';
import { noData, realFile } from './real-files.ts';

afterAll(closeDecoders);

const LUNG = { center: -600, width: 1500 };
const SLICE = 'dicom/series-LungFCP-01-0001/1-030.dcm';
const HEAD = 'dicom/out-of-domain/CT2_head_j2k-lossless_4.90.dcm';
const GREY = defaultContract('grey', 64, LUNG);
const HU = defaultContract('hu', 64);

describe.skipIf(noData)(`an image that is prepared ${noData || ''}`, () => {
  it.each<{ given: string; contract: Contract }>([
    { given: 'rendered', contract: GREY },
    { given: 'in Hounsfield units', contract: HU },
  ])('in a thread has the same tensor, bit for bit, and the same lungs: $given', async ({ contract }) => {
    const image = await decodeImage(realFile(SLICE));
    const seen = checkDomain(image, contract);
    const want = { seen, ...toTensor(image, contract, seen) };
    expect(await prepareImage(image, contract)).toEqual(want);
    expect(image.pixels.length).toBe(image.rows * image.columns); // not moved away
  });

  it('is refused for the same reasons, in the same words', async () => {
    const image = await decodeImage(realFile(HEAD));
    const { code, message } = refusalOf(() => checkDomain(image, HU));
    expect(code).toBe('NOT_CHEST');
    await expect(prepareImage(image, HU)).rejects.toMatchObject({ code, message });
  });

  it('is given up when its caller leaves', async () => {
    const image = await decodeImage(realFile(SLICE));
    const reason = new Error('left');
    await expect(prepareImage(image, HU, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const leaving = new AbortController();
    const preparing = prepareImage(image, HU, { signal: leaving.signal });
    leaving.abort(reason);
    await expect(preparing).rejects.toBe(reason);
  });
});

function refusalOf(work: () => unknown): ImagingError {
  try {
    work();
  } catch (error) {
    if (error instanceof ImagingError) return error;
    throw error;
  }
  throw new Error('it is not refused');
}
