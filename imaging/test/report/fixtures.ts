import dicomParser from 'dicom-parser';
import type { Algorithm, Finding, Overlay, SliceFacts, Stamp } from '../../src/index.ts';
import { aSlice } from '../edit-dicom.ts';

export const algorithm: Algorithm = {
  name: 'vgg16-lung',
  version: '1.2.0',
  digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
};

/** Counts up, so that two runs of a test give the same bytes. */
export function aStamp(now = new Date('2026-11-24T09:08:07Z')): Stamp {
  let last = 0;
  return { now, uid: () => `2.25.${(last += 1)}` };
}

/** The facts of `aSlice()`, 4 × 4 pixels. */
export function factsOf(file: Uint8Array, over: Partial<SliceFacts> = {}): SliceFacts {
  const data = dicomParser.parseDicom(file);
  const uid = (tag: string) => data.string(tag) ?? '';
  return {
    transferSyntax: uid('x00020010'),
    sopClass: uid('x00080016'),
    modality: uid('x00080060'),
    studyUid: uid('x0020000d'),
    seriesUid: uid('x0020000e'),
    instanceUid: uid('x00080018'),
    frameOfReferenceUid: uid('x00200052'),
    frame: 1,
    frames: 1,
    rows: data.uint16('x00280010') ?? 0,
    columns: data.uint16('x00280011') ?? 0,
    instanceNumber: 1,
    position: [-12.5, 1 / 3, 1e-9],
    orientation: [
      [1, 0, 0],
      [0, 1, 0],
    ],
    pixelSpacing: [0.7, 0.8],
    sliceThicknessMm: 1,
    gantryTiltDegrees: undefined,
    kernel: undefined,
    bodyPart: 'CHEST',
    imageType: [],
    localizer: false,
    lossyRatio: undefined,
    ...over,
  };
}

export type Classified = Extract<Finding, { readonly outcome: 'classified' }>;

export function aFinding(over: Partial<Classified> = {}, facts = factsOf(aSlice())): Classified {
  return {
    outcome: 'classified',
    algorithm,
    evidence: [facts],
    deciding: facts,
    label: 'malignant',
    positiveLabel: 'malignant',
    probability: 0.7321,
    probabilities: { benign: 0.2, malignant: 0.7321, normal: 0.0679 },
    slicesUsed: 41,
    aggregation: 'mean of the 3 highest',
    ...over,
  };
}

export function aRefusal(): Extract<Finding, { readonly outcome: 'refused' }> {
  return {
    outcome: 'refused',
    algorithm,
    code: 'NOT_CHEST',
    text: 'The image is not of the chest.',
  };
}

/** Black, hot at one place of 4 × 4. */
export function anOverlay(over: Partial<Overlay> = {}, facts = factsOf(aSlice())): Overlay {
  const values = new Float32Array(16);
  values[5] = 1;
  return {
    algorithm,
    facts,
    image: {
      kind: 'grey',
      rows: 256,
      columns: 256,
      bits: 8,
      pixels: new Uint8Array(256 * 256),
      source: 'png',
    },
    heat: { rows: 4, columns: 4, values },
    label: 'malignant',
    ...over,
  };
}

/** What was written, read by a parser that did not write it. Text is UTF-8. */
export function reader(file: Uint8Array) {
  const data = dicomParser.parseDicom(file);
  return {
    data,
    text: (tag: string): string | undefined => {
      const element = data.elements[tag];
      if (element === undefined) return undefined;
      const bytes = data.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\0 ]+$/, '');
    },
    pixels: (): Uint8Array => {
      const element = data.elements['x7fe00010'];
      if (element === undefined) throw new Error('no pixels');
      return data.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
    },
  };
}
