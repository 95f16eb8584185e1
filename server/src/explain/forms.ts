/** The forms in which an explanation is given. */
import { randomUUID } from 'node:crypto';
import { endianness } from 'node:os';
import {
  type Algorithm,
  type OverlayPicture,
  heatInImage,
  newUid,
  writeOverlayCapture,
  writeOverlayPng,
} from '@hilum/imaging';
import { type Explanation, HEATMAP_HEADER, NOTICE, type heatmapSchema } from '@hilum/wire';
import type { z } from 'zod';
import { reportOf } from '../classify/dicom.ts';
import { DICOM_PARTS_TYPE, DICOM_TYPE, JSON_TYPE } from '../http/accept.ts';
import { relatedDicom } from '../http/related.ts';
import type { ServedModel } from '../readiness.ts';
import type { ExplainAsk } from './ask.ts';
import type { Explained } from './explain.ts';
import type { Subject } from './subject.ts';

export const PNG_TYPE = 'image/png';
export const TENSOR_TYPE = 'application/octet-stream';

/** The default first. */
export const PICTURE_FORMS = [PNG_TYPE, JSON_TYPE, TENSOR_TYPE] as const;
/** Of a DICOM slice. */
export const SLICE_FORMS = [...PICTURE_FORMS, DICOM_TYPE, DICOM_PARTS_TYPE] as const;

/** An image, its answer and its map. */
export interface Shown extends Subject {
  readonly ask: ExplainAsk;
  readonly served: ServedModel;
  readonly explained: Explained;
  /** Of DICOM objects. */
  readonly now: Date;
}

interface Form {
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export async function formOf(type: FormType, shown: Shown): Promise<Form> {
  return WRITERS[type](shown);
}

export type FormType = (typeof SLICE_FORMS)[number];

const WRITERS: Readonly<Record<FormType, (shown: Shown) => Form | Promise<Form>>> = {
  [PNG_TYPE]: async (shown) =>
    plain(PNG_TYPE, await writeOverlayPng(overlayOf(shown), { layer: shown.ask.view === 'heat' })),
  [JSON_TYPE]: (shown) => plain(JSON_TYPE, JSON.stringify(explanationOf(shown))),
  [TENSOR_TYPE]: tensorForm,
  [DICOM_TYPE]: async (shown) => plain(DICOM_TYPE, await captureOf(shown)),
  [DICOM_PARTS_TYPE]: async (shown) => {
    const report = await reportOf(shown.classification, await shown.study(), shown.now);
    return { ...relatedDicom([report, await captureOf(shown)], randomUUID()), headers: {} };
  },
};

function plain(type: FormType, body: Form['body']): Form {
  return { type, headers: {}, body };
}

/** The slice with the map over it, as a Secondary Capture of the slice's study. */
async function captureOf(shown: Shown): Promise<Uint8Array> {
  const { deciding: facts, file } = await shown.study();
  return writeOverlayCapture({ ...overlayOf(shown), facts }, file, { now: shown.now, uid: newUid });
}

function explanationOf(shown: Shown): Explanation {
  const { classification, explained } = shown;
  const { rows, columns, values } = explained.heat;
  return {
    ...factsOf(shown),
    heatmap: { rows, columns, values: Array.from(values, (value) => Math.round(value * 1e4) / 1e4) },
    classification,
    explainMs: Math.round(explained.explainMs * 100) / 100,
    notice: NOTICE,
  };
}

function tensorForm(shown: Shown): Form {
  const { rows, columns, values } = shown.explained.heat;
  const header: z.infer<typeof heatmapSchema> = { rows, columns, ...factsOf(shown), notice: NOTICE };
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return {
    type: TENSOR_TYPE,
    // A header is ASCII; a label may be more.
    headers: { [HEATMAP_HEADER]: JSON.stringify(header).replaceAll(/[^\x20-\x7e]/g, escaped) },
    body: endianness() === 'BE' ? Buffer.from(bytes).swap32() : bytes,
  };
}

function factsOf({ explained, region }: Shown) {
  const { label, layer, notShown, empty } = explained;
  return { label, layer, notShown: [...notShown], empty, region };
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function overlayOf({ ask, served, explained, image, region }: Shown): OverlayPicture {
  const placed = heatInImage(explained.heat, region, image);
  return { ...placed, algorithm: algorithmOf(served), image, window: ask.window, label: explained.label };
}

function algorithmOf({ name, version, info }: ServedModel): Algorithm {
  return { name, version: version ?? info.digest.slice(0, 'sha256:'.length + 12), digest: info.digest };
}
