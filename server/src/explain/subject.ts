/** What is explained: the one image that was sent or, of a series, the slice that decided. */
import { type Image, type Region, ImagingError, openDicom, readFacts, tensorRegion } from '@hilum/imaging';
import type { Classification } from '@hilum/wire';
import type { Inferred } from '../batching/place.ts';
import type { Study } from '../classify/dicom.ts';
import { type Desk, scoreImage } from '../classify/image.ts';
import type { SentFile } from '../classify/sent-file.ts';
import { classifySeries } from '../classify/series.ts';
import type { Upload } from '../classify/upload.ts';
import type { Job } from '../gate.ts';

export interface Subject {
  readonly classification: Classification;
  /** With activations. */
  readonly inferred: Inferred;
  /** At full size. */
  readonly image: Image;
  /** What of it the network saw. */
  readonly region: Region;
  /** Asked only of DICOM. */
  readonly study: () => Promise<Study>;
}

/**
 * Answers as /v1/classify does and keeps what an explanation is made of: each image goes through the network once.
 *
 * @param window of `windowOf`, for a series
 */
export async function subjectOf(upload: Upload, window: number, job: Job, desk: Desk): Promise<Subject> {
  if (upload.kind === 'files') return sliceOf(upload.files, window, job, desk);
  const { bytes, name } = upload;
  try {
    return await imageOf(bytes, job, desk);
  } catch (error) {
    // One file of many frames is a series, and that is known only once it is opened.
    if (!(error instanceof ImagingError) || error.code !== 'SEVERAL_FRAMES') throw error;
    return sliceOf([{ name, read: async () => bytes }], window, job, desk);
  }
}

async function imageOf(bytes: Uint8Array, job: Job, desk: Desk): Promise<Subject> {
  const { signal, served } = job;
  const { image, seen, inferred, classification } = await scoreImage(bytes, job, desk, { activations: true });
  return {
    classification,
    inferred,
    image,
    region: tensorRegion(image, served.info.contract, seen),
    study: async () => {
      const [facts] = await readFacts(bytes, { signal });
      if (facts === undefined) throw new ImagingError('CORRUPT');
      return { evidence: [facts], deciding: facts, file: bytes };
    },
  };
}

/**
 * The deciding slice is decoded once more: the pixels of a whole series are not kept. Where a contract's spacing had
 * slices interpolated, it is the nearest that was sent.
 */
async function sliceOf(files: readonly SentFile[], window: number, job: Job, desk: Desk): Promise<Subject> {
  const { signal, served } = job;
  const said = await classifySeries(files, window, job, desk, { activations: true });
  const file = await said.readDeciding();
  const { value: image } = await job.timed('decode', async () => {
    const opened = await openDicom(file, { signal });
    try {
      return await opened.frame(said.deciding.frame);
    } finally {
      opened.close();
    }
  });
  signal.throwIfAborted();
  return {
    classification: said.answer,
    inferred: said.inferred,
    image,
    region: tensorRegion(image, served.info.contract),
    study: async () => ({ evidence: said.evidence, deciding: said.deciding, file }),
  };
}
