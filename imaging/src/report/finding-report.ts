import {
  CHEST_LUNG,
  OWN_SCHEME_IDENTIFICATION,
  codesOfLabel,
  dcm,
  oneLine,
  own,
  sct,
  ucum,
} from './codes.ts';
import type { Code } from './codes.ts';
import {
  codedItem,
  container,
  imageItem,
  numberItem,
  reference,
  root,
  textItem,
  uidItem,
} from './content.ts';
import type { ImageReference } from './content.ts';
import { RESEARCH_ONLY, commonModules, manufacturerOf } from './document.ts';
import type { Algorithm, Stamp } from './document.ts';
import { writePart10 } from './part10.ts';
import type { DataSet } from './part10.ts';
import { readSource } from './source.ts';
import type { Source } from './source.ts';

/** A classification or its refusal, as it is to be stored beside the images. */
export type Finding = Classified | Refused;

type Classified = {
  readonly outcome: 'classified';
  readonly algorithm: Algorithm;
  /** The frames that were scored, of one study; at least one. */
  readonly evidence: readonly ImageReference[];
  /** The predicted label. */
  readonly label: string;
  /** The label whose probability decides. */
  readonly positiveLabel: string;
  /** 0 to 1, of the positive label. */
  readonly probability: number;
  /** 0 to 1, of every label. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** The frame that weighed most, one of the evidence. */
  readonly deciding: ImageReference;
  /** Slices that were scored. */
  readonly slicesUsed?: number | undefined;
  /** How slice scores became one, for example `mean of the 3 highest`. */
  readonly aggregation?: string | undefined;
};

type Refused = {
  readonly outcome: 'refused';
  readonly algorithm: Algorithm;
  /** What was refused; the source itself by default, as a header that is refused gives no facts. */
  readonly evidence?: readonly ImageReference[] | undefined;
  /** One of IMAGING_CODES, or of the server's. */
  readonly code: string;
  readonly text: string;
};

// IHE AI Results asks for this class, which every reader of TID 1500 takes.
const COMPREHENSIVE_3D_SR = '1.2.840.10008.5.1.4.1.1.88.34';
const SERIES_NUMBER = '99001';

/**
 * An Imaging Measurement Report (PS3.16 TID 1500) in a Comprehensive 3D SR, as a Part 10 file. `source` is any DICOM
 * file of the study: patient and study are copied from its header, into a new series. docs/reports.md shows the tree.
 *
 * Throws ImagingError where `source` is no readable DICOM file, and TypeError where the finding contradicts itself or
 * belongs to another study, which would put one patient's result into another's record. No text holds patient data.
 */
export async function writeFindingReport(
  finding: Finding,
  source: Uint8Array,
  stamp: Stamp,
): Promise<Uint8Array> {
  const study = readSource(source);
  const { evidence = [study.image] } = finding;
  check(finding, evidence, study);
  const description =
    finding.outcome === 'classified' ? 'RESEARCH USE ONLY - AI finding' : 'RESEARCH USE ONLY - AI refusal';
  return writePart10({
    SOPClassUID: COMPREHENSIVE_3D_SR,
    ...commonModules(
      study,
      { algorithm: finding.algorithm, stamp },
      { modality: 'SR', number: SERIES_NUMBER, description },
    ),
    ReferencedPerformedProcedureStepSequence: [],
    CodingSchemeIdentificationSequence: OWN_SCHEME_IDENTIFICATION,
    ...completion(finding),
    VerificationFlag: 'UNVERIFIED',
    PreliminaryFlag: 'PRELIMINARY',
    PerformedProcedureCodeSequence: [],
    CurrentRequestedProcedureEvidenceSequence: [
      { StudyInstanceUID: study.studyUid, ReferencedSeriesSequence: seriesOf(evidence) },
    ],
    ...root(dcm('126000', 'Imaging Measurement Report'), [
      codedItem('HAS CONCEPT MOD', dcm('121049', 'Language of Content Item and Descendants'), {
        value: 'en-US',
        scheme: 'RFC5646',
        meaning: 'English (United States)',
      }),
      ...observer(finding.algorithm, stamp),
      codedItem('HAS CONCEPT MOD', dcm('121058', 'Procedure Reported'), procedureOf(study)),
      textItem('CONTAINS', COMMENT, RESEARCH_ONLY),
      imageLibrary(evidence),
      container(dcm('126010', 'Imaging Measurements'), [
        container(dcm('125007', 'Measurement Group'), group(finding, stamp)),
      ]),
    ]),
    ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: '1500' }],
  });
}

const COMMENT = dcm('121106', 'Comment');

function check(finding: Finding, evidence: readonly ImageReference[], study: Source): void {
  const named = finding.outcome === 'classified' ? [...evidence, finding.deciding] : evidence;
  if (evidence.length === 0) throw new TypeError('a finding rests on one image at least');
  if (named.some(({ studyUid }) => studyUid !== study.studyUid)) {
    throw new TypeError('the finding and the source are of two studies');
  }
  if (finding.outcome === 'refused') return;
  const { deciding, probabilities, probability, positiveLabel, label } = finding;
  if (!evidence.some((image) => image.instanceUid === deciding.instanceUid)) {
    throw new TypeError('the deciding slice is not among the evidence');
  }
  const all = Object.entries(probabilities);
  if (all.some(([, value]) => !(value >= 0 && value <= 1)))
    throw new TypeError('a probability lies outside 0 to 1');
  if (probabilities[positiveLabel] !== probability || probabilities[label] === undefined) {
    throw new TypeError('the label or the probability is not among the probabilities');
  }
}

function completion(finding: Finding): DataSet {
  if (finding.outcome === 'classified') return { CompletionFlag: 'COMPLETE' };
  return {
    CompletionFlag: 'PARTIAL',
    CompletionFlagDescription: 'The image was refused; there is no result.',
  };
}

/** TID 1001 and 1004: a device observes, no person. */
function observer(algorithm: Algorithm, stamp: Stamp): readonly DataSet[] {
  const relation = 'HAS OBS CONTEXT';
  return [
    codedItem(relation, dcm('121005', 'Observer Type'), dcm('121007', 'Device')),
    uidItem(relation, dcm('121012', 'Device Observer UID'), deviceUid(algorithm) ?? stamp.uid()),
    textItem(relation, dcm('121013', 'Device Observer Name'), algorithm.name),
    textItem(relation, dcm('121014', 'Device Observer Manufacturer'), manufacturerOf(algorithm)),
    textItem(relation, dcm('121015', 'Device Observer Model Name'), `${algorithm.name} ${algorithm.version}`),
    textItem(relation, dcm('121016', 'Device Observer Serial Number'), algorithm.digest),
  ];
}

/** The same model is the same device: a UUID of the digest's first 128 bits (version 8, RFC 9562). */
function deviceUid({ digest }: Algorithm): string | undefined {
  const hex = /^sha256:([0-9a-f]{12})[0-9a-f]([0-9a-f]{3})[0-9a-f]([0-9a-f]{15})/.exec(digest);
  return hex === null ? undefined : `2.25.${BigInt(`0x${hex[1]}8${hex[2]}8${hex[3]}`)}`;
}

/** CID 100. What else than a CT may only be refused. */
function procedureOf({ modality }: Source): Code {
  if (modality === 'CT') return { value: '25045-6', scheme: 'LN', meaning: 'CT unspecified body region' };
  return sct('363679005', 'Imaging procedure');
}

/** TID 1600. */
function imageLibrary(evidence: readonly ImageReference[]): DataSet {
  return container(dcm('111028', 'Image Library'), [
    container(
      dcm('126200', 'Image Library Group'),
      evidence.map((image) => imageItem(undefined, image)),
    ),
  ]);
}

/** TID 1501. */
function group(finding: Finding, stamp: Stamp): readonly DataSet[] {
  const { name, version } = finding.algorithm;
  return [
    // Viewers list a group by this text.
    textItem(
      'HAS OBS CONTEXT',
      dcm('112039', 'Tracking Identifier'),
      `Lung tumour classification by ${name} ${version}, research use only`,
    ),
    uidItem('HAS OBS CONTEXT', dcm('112040', 'Tracking Unique Identifier'), stamp.uid()),
    ...(finding.outcome === 'classified' ? classified(finding) : refused(finding)),
  ];
}

function classified(finding: Classified): readonly DataSet[] {
  const { label, probabilities, positiveLabel, slicesUsed, aggregation } = finding;
  const { finding: found, judged } = codesOfLabel(label);
  const positiveFirst = Object.keys(probabilities).toSorted(
    (a, b) => Number(b === positiveLabel) - Number(a === positiveLabel) || (a < b ? -1 : 1),
  );
  return [
    codedItem('CONTAINS', dcm('121071', 'Finding'), found),
    codedItem('CONTAINS', sct('363698007', 'Finding Site'), CHEST_LUNG),
    ...algorithmItems(finding.algorithm, aggregation === undefined ? [] : [`aggregation: ${aggregation}`]),
    imageItem(dcm('121112', 'Source of Measurement'), finding.deciding),
    ...positiveFirst.map((each) => probabilityItem(each, probabilities[each] ?? 0)),
    ...(slicesUsed === undefined
      ? []
      : [numberItem(own('slices-used', 'Slices used'), slicesUsed, ucum('{slices}', 'slices'))]),
    codedItem('CONTAINS', OUTCOME, own('classified', 'Classified')),
    codedItem('CONTAINS', own('predicted-label', 'Predicted label'), judged),
  ];
}

/** The label is in the concept's name: a bare "Probability 20 %" beside a finding "Benign" would be read wrong. */
function probabilityItem(label: string, probability: number): DataSet {
  const name = own(`p:${oneLine(label)}`, `Probability of ${label}`);
  return numberItem(name, probability * 100, ucum('%', 'percent'));
}

const OUTCOME = own('outcome', 'Outcome of the classification');

function refused({ algorithm, code, text }: Refused): readonly DataSet[] {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return [
    ...algorithmItems(algorithm, []),
    codedItem('CONTAINS', OUTCOME, own('refused', 'Refused')),
    codedItem('CONTAINS', own('refusal', 'Reason for refusal'), own(code, words)),
    textItem('CONTAINS', own('refusal-text', 'Refusal in words'), text),
  ];
}

/** TID 4019. */
function algorithmItems(algorithm: Algorithm, parameters: readonly string[]): readonly DataSet[] {
  const relation = 'HAS CONCEPT MOD';
  return [
    textItem(relation, dcm('111001', 'Algorithm Name'), algorithm.name),
    textItem(relation, dcm('111003', 'Algorithm Version'), algorithm.version),
    textItem(relation, dcm('122405', 'Algorithm Manufacturer'), manufacturerOf(algorithm)),
    ...[`model: ${algorithm.digest}`, ...parameters].map((parameter) =>
      textItem(relation, dcm('111002', 'Algorithm Parameters'), parameter),
    ),
  ];
}

/** Hierarchical SOP Instance Reference macro (PS3.3 C.17.2.1): each instance once. */
function seriesOf(evidence: readonly ImageReference[]): readonly DataSet[] {
  const bySeries = Map.groupBy(evidence, ({ seriesUid }) => seriesUid);
  return [...bySeries].map(([uid, images]) => ({
    SeriesInstanceUID: uid,
    ReferencedSOPSequence: [...new Map(images.map((image) => [image.instanceUid, image])).values()].map(
      (image) => reference({ ...image, frames: 1 }),
    ),
  }));
}
