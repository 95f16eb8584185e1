import type { SliceFacts } from '../dicom/facts.ts';
import { codeItem } from './codes.ts';
import type { Code } from './codes.ts';
import type { DataSet } from './part10.ts';

/** One frame that a result rests on or points to; SliceFacts are such. */
export type ImageReference = Pick<
  SliceFacts,
  'sopClass' | 'instanceUid' | 'seriesUid' | 'studyUid' | 'frame' | 'frames'
>;

/** How a content item hangs from the one above it (PS3.3 C.17.3.2.4). */
type Relation = 'CONTAINS' | 'HAS OBS CONTEXT' | 'HAS CONCEPT MOD' | 'HAS ACQ CONTEXT';

export function container(name: Code, content: readonly DataSet[], relation: Relation = 'CONTAINS'): DataSet {
  return {
    RelationshipType: relation,
    ...root(name, content),
  };
}

/** The document's root: a container that hangs from nothing. */
export function root(name: Code, content: readonly DataSet[]): DataSet {
  return {
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: [codeItem(name)],
    ContinuityOfContent: 'SEPARATE',
    ContentSequence: content,
  };
}

export function textItem(relation: Relation, name: Code, value: string): DataSet {
  return { ...item(relation, 'TEXT', name), TextValue: value };
}

export function uidItem(relation: Relation, name: Code, uid: string): DataSet {
  return { ...item(relation, 'UIDREF', name), UID: uid };
}

export function codedItem(
  relation: Relation,
  name: Code,
  value: Code,
  modifiers: readonly DataSet[] = [],
): DataSet {
  return {
    ...item(relation, 'CODE', name),
    ConceptCodeSequence: [codeItem(value)],
    ...(modifiers.length === 0 ? {} : { ContentSequence: modifiers }),
  };
}

/** The decimal string has six digits; the floating point value beside it is exact (PS3.3 C.18.1). */
export function numberItem(name: Code, value: number, units: Code): DataSet {
  return {
    ...item('CONTAINS', 'NUM', name),
    MeasuredValueSequence: [
      {
        NumericValue: String(Number(value.toPrecision(6))),
        FloatingPointValue: value,
        MeasurementUnitsCodeSequence: [codeItem(units)],
      },
    ],
  };
}

export function imageItem(name: Code | undefined, image: ImageReference): DataSet {
  return {
    RelationshipType: 'CONTAINS',
    ValueType: 'IMAGE',
    ...(name === undefined ? {} : { ConceptNameCodeSequence: [codeItem(name)] }),
    ReferencedSOPSequence: [reference(image)],
  };
}

/** Instance Reference macro (PS3.3 10.8). A frame is named only where there are several. */
export function reference({ sopClass, instanceUid, frame, frames }: ImageReference): DataSet {
  return {
    ReferencedSOPClassUID: sopClass,
    ReferencedSOPInstanceUID: instanceUid,
    ...(frames > 1 ? { ReferencedFrameNumber: String(frame) } : {}),
  };
}

function item(relation: Relation, valueType: string, name: Code): DataSet {
  return { RelationshipType: relation, ValueType: valueType, ConceptNameCodeSequence: [codeItem(name)] };
}
