import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dicomVenv, run } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  closeDecoders,
  decodeImage,
  readFacts,
  writeFindingReport,
  writeOverlayCapture,
} from '../src/index.ts';
import type { SliceFacts } from '../src/index.ts';
import { aSlice, edit, text } from './edit-dicom.ts';
import { noData, realFile } from './real-files.ts';
import { aFinding, aRefusal, aStamp, algorithm, anOverlay, factsOf, reader } from './report/fixtures.ts';

// What others read of our objects: highdicom, pydicom, dcmtk, and the rules of the standard by dicom3tools.
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hilum-report-'));
});
afterAll(async () => {
  await closeDecoders();
  await rm(folder, { recursive: true, force: true });
});

async function inFile(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `${createHash('sha256').update(bytes).digest('hex')}.dcm`);
  await writeFile(path, bytes);
  return path;
}

async function python(kind: 'report' | 'capture', bytes: Uint8Array): Promise<unknown> {
  const { python: interpreter } = await dicomVenv();
  const script = join(import.meta.dirname, 'report/read.py');
  const { stdout } = await run(interpreter, [script, kind, await inFile(bytes)]);
  return JSON.parse(stdout);
}

async function dciodvfy(bytes: Uint8Array): Promise<{ iod: string; errors: string[]; warnings: string[] }> {
  const { stdout, stderr } = await run('dciodvfy', [await inFile(bytes)], { allowFailure: true });
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line !== '');
  return {
    iod: lines.find((line) => !/^(Error|Warning)/.test(line)) ?? '',
    errors: lines.filter((line) => line.startsWith('Error')),
    warnings: lines.filter((line) => line.startsWith('Warning')).filter((line) => !FALSE_ALARMS.test(line)),
  };
}

const FALSE_ALARMS = new RegExp(
  [
    // The Coding Scheme Identification Sequence may name any scheme; its list of defined terms ends somewhere.
    '<99HILUM> for value 1 of attribute <Coding Scheme Designator>',
    // Geometry that a Secondary Capture may be extended by, on purpose: viewers match slices by it.
    'not present in standard DICOM IOD',
    // The source names no body part, and that is what empty means.
    'only permitted to be empty when actually unknown',
    // What the source lacks of its own study, or writes in the old way, is repeated as it is.
    'needed to build DICOMDIR',
    'Retired Person Name form',
  ].join('|'),
);

// A study with names of two scripts, of which all that is optional is there.
const source = edit(aSlice({ patientName: 'x' }), {
  0x0008_0005: text('CS', 'ISO_IR 192'),
  0x0010_0010: text('PN', 'Wang^Jürgen=王^小东'),
  0x0008_0020: text('DA', '20260102'),
});
const facts = factsOf(source);

const ENHANCED_CT = '1.2.840.10008.5.1.4.1.1.2.1';

describe('a classification, as others read it', () => {
  const several: SliceFacts = {
    ...facts,
    sopClass: ENHANCED_CT,
    instanceUid: '1.2.3.4',
    frame: 17,
    frames: 40,
  };
  const finding = aFinding(
    { evidence: [facts, several, { ...several, frame: 18 }], deciding: several },
    facts,
  );

  test('highdicom finds the model, the probabilities, the finding and the slice that decided', async () => {
    const bytes = await writeFindingReport(finding, source, aStamp());
    expect(await python('report', bytes)).toEqual({
      class: 'Comprehensive3DSR',
      patientName: 'Wang^Jürgen=王^小东',
      title: 'Imaging Measurement Report',
      device: ['vgg16-lung', 'Hilum', 'vgg16-lung 1.2.0', algorithm.digest],
      trackingIdentifier: 'Lung tumour classification by vgg16-lung 1.2.0, research use only',
      trackingUid: '2.25.3',
      finding: ['108369006', 'Neoplasm'],
      sites: ['Lung'],
      algorithm: ['vgg16-lung', '1.2.0'],
      parameters: [`model: ${algorithm.digest}`, 'aggregation: mean of the 3 highest'],
      numbers: {
        'Probability of malignant': [73.21, '%', 73.21],
        'Probability of benign': [20, '%', 20],
        'Probability of normal': [6.79, '%', 6.79],
        'Slices used': [41, '{slices}', 41],
      },
      evaluations: {
        'Outcome of the classification': ['classified', '99HILUM'],
        'Predicted label': ['21594007', 'SCT'],
      },
      texts: [],
      sources: [['1.2.3.4', [17]]],
      evidence: { [facts.seriesUid]: [facts.instanceUid, '1.2.3.4'] },
    });
  });

  test('a label of no public code is one of our own, and a probability keeps every digit', async () => {
    const label = 'ground-glass opacity of the upper lobe';
    const probability = 1 / 3;
    const read = await python(
      'report',
      await writeFindingReport(
        aFinding(
          { label, positiveLabel: label, probability, probabilities: { [label]: probability } },
          facts,
        ),
        source,
        aStamp(),
      ),
    );
    expect(read).toMatchObject({
      finding: [label, label],
      evaluations: { 'Predicted label': [label, '99HILUM'] },
      numbers: { [`Probability of ${label}`]: [probability * 100, '%', probability * 100] },
    });
  });

  test('the standard finds no error in it', async () => {
    const verdict = await dciodvfy(await writeFindingReport(finding, source, aStamp()));
    expect(verdict).toEqual({ iod: 'Comprehensive3DSR', errors: [], warnings: [] });
  });

  test('dcmtk shows it as a tree', async () => {
    const path = await inFile(await writeFindingReport(finding, source, aStamp()));
    const { stdout } = await run('dsrdump', ['+Pl', path]);
    await expect(stdout.slice(stdout.indexOf('<CONTAINER'))).toMatchFileSnapshot('report/tree.txt');
  });
});

describe('a refusal, as others read it', () => {
  test('highdicom finds the reason, and no probability', async () => {
    const bytes = await writeFindingReport(aRefusal(), source, aStamp());
    expect(await python('report', bytes)).toMatchObject({
      finding: null,
      sites: [],
      numbers: {},
      evaluations: {
        'Outcome of the classification': ['refused', '99HILUM'],
        'Reason for refusal': ['NOT_CHEST', '99HILUM'],
      },
      texts: ['The image is not of the chest.'],
      algorithm: ['vgg16-lung', '1.2.0'],
    });
  });

  test.each(['NOT_CT', 'TRANSFER_SYNTAX_UNSUPPORTED'])('the standard finds no error in %s', async (code) => {
    const bytes = await writeFindingReport({ ...aRefusal(), code }, source, aStamp());
    expect(await dciodvfy(bytes)).toEqual({ iod: 'Comprehensive3DSR', errors: [], warnings: [] });
  });
});

describe('an overlay, as others read it', () => {
  test('pydicom finds our pixels and the slice below them', async () => {
    const bytes = await writeOverlayCapture(anOverlay({}, facts), source, aStamp());
    expect(await python('capture', bytes)).toEqual({
      shape: [256, 256, 3],
      sha256: createHash('sha256').update(reader(bytes).pixels()).digest('hex'),
      source: facts.instanceUid,
      purpose: 'Source image for image processing operation',
      position: [-12.5, 0.333_333_333_333_33, 1e-9],
      patientName: 'Wang^Jürgen=王^小东',
    });
  });

  test('the standard finds no error in it', async () => {
    const verdict = await dciodvfy(await writeOverlayCapture(anOverlay({}, facts), source, aStamp()));
    expect(verdict).toEqual({ iod: 'SCImage', errors: [], warnings: [] });
  });
});

describe.skipIf(noData)(`of real studies ${noData || ''}`, () => {
  test.each([
    'dicom/series-LungFCP-01-0001/1-030.dcm',
    'dicom/transfer-syntaxes/CT1_jpegls-near_4.81.dcm',
    'dicom/transfer-syntaxes/CTImage_deflated_1.99.dcm',
    'dicom/transfer-syntaxes/CTImage_explicit-be_2.dcm',
    'dicom/transfer-syntaxes/CTImage_implicit-le_1.2.dcm',
    'dicom/transfer-syntaxes/CT_small_explicit-le.dcm',
  ])('%s: report and overlay are valid', async (path) => {
    const file = realFile(path);
    const [slice] = await readFacts(file);
    if (slice === undefined) throw new Error('no frame');
    const sr = await writeFindingReport(aFinding({}, slice), file, aStamp());
    const heat = { rows: 2, columns: 2, values: Float32Array.of(0, 0.3, 0.6, 1) };
    const sc = await writeOverlayCapture(
      { ...anOverlay({ heat }, slice), image: await decodeImage(file) },
      file,
      aStamp(),
    );
    expect(await dciodvfy(sr)).toEqual({ iod: 'Comprehensive3DSR', errors: [], warnings: [] });
    expect(await dciodvfy(sc)).toEqual({ iod: 'SCImage', errors: [], warnings: [] });
    expect(await python('report', sr)).toMatchObject({
      evidence: { [slice.seriesUid]: [slice.instanceUid] },
    });
    expect(await python('capture', sc)).toMatchObject({ shape: [slice.rows, slice.columns, 3] });
  });

  test.each([
    ['dicom/out-of-domain/CT2_head_j2k-lossless_4.90.dcm', 'NOT_CHEST'],
    ['dicom/transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm', 'NOT_CT'],
    ['dicom/traps/MR_truncated.dcm', 'TRUNCATED'],
    ['dicom/traps/image_dfl.dcm', 'NOT_CT'],
    ['dicom/transfer-syntaxes/CTImage_jpeg-extended12_4.51.dcm', 'TRANSFER_SYNTAX_UNSUPPORTED'],
  ])('%s: the refusal is valid', async (path, code) => {
    const file = realFile(path);
    const sr = await writeFindingReport({ ...aRefusal(), code }, file, aStamp());
    expect(await dciodvfy(sr)).toEqual({ iod: 'Comprehensive3DSR', errors: [], warnings: [] });
    expect(await python('report', sr)).toMatchObject({
      evaluations: { 'Reason for refusal': [code, '99HILUM'] },
    });
  });
});
