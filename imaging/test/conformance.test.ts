import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cutFrames } from '../src/dicom/frames.ts';
import { readHeader } from '../src/dicom/header.ts';
import { nameOf } from '../src/dicom/transfer-syntax.ts';
import { ImagingError, closeDecoders, inspectDicom } from '../src/index.ts';
import { expectedPixels, noData, realFile } from './real-files.ts';
import type { Expected } from './real-files.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/conformance.md');
const LOSSY_JPEG = '1.2.840.10008.1.2.4.50';

// What is not decoded, and why it is refused. Every other row of the table has to be exact.
const REFUSED: Readonly<Record<string, string>> = {
  'dicom/transfer-syntaxes/CTImage_jpeg-extended12_4.51.dcm': 'TRANSFER_SYNTAX_UNSUPPORTED',
  'dicom/transfer-syntaxes/CTImage_jpeg-progressive-retired_4.55.dcm': 'TRANSFER_SYNTAX_UNSUPPORTED',
  // Its codestream claims 3.7 thousand million columns.
  'dicom/traps/JPEG2000-embedded-sequence-delimiter.dcm': 'LIMIT_EXCEEDED',
  'dicom/traps/MR_truncated.dcm': 'TRUNCATED',
  'dicom/traps/badVR.dcm': 'CORRUPT',
  'dicom/traps/no_meta.dcm': 'NOT_AN_IMAGE',
  'dicom/traps/rtstruct.dcm': 'NOT_AN_IMAGE',
};

afterAll(closeDecoders);

describe.skipIf(noData)(`the pixels of pydicom ${noData || ''}`, () => {
  const rows = expectedPixels();

  test.each(rows)('of $path are met, or the file is refused with its code', async (row) => {
    expect(await resultOf(row)).toBe(wanted(row));
  });

  test('are what docs/conformance.md says', async () => {
    const cells: (readonly string[])[] = [];
    for (const row of rows) cells.push(cellsOf(row, await resultOf(row)));
    const page = [...HEAD, ...tableOf(cells), ''].join('\n');
    if (process.env['UPDATE'] === '1') writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });
});

function wanted({ path, transferSyntax }: Expected): string {
  const code = REFUSED[path];
  if (code !== undefined) return `refused ${code}`;
  return transferSyntax === LOSSY_JPEG ? 'within 1' : 'exact';
}

async function resultOf(row: Expected): Promise<string> {
  try {
    const file = realFile(row.path);
    const { storedSha256, facts } = await inspectDicom(file);
    expect(facts.length).toBe(row.frames);
    if (storedSha256 === row.sha256) return 'exact';
    return row.transferSyntax === LOSSY_JPEG && (await nearly(row, file)) ? 'within 1' : 'different';
  } catch (error) {
    if (error instanceof ImagingError) return `refused ${error.code}`;
    throw error;
  }
}

/** A lossy decoder may round differently; its extremes are one grey level away at most. */
async function nearly({ min, max }: Expected, file: Uint8Array): Promise<boolean> {
  const stored = await cutFrames(readHeader(file)).decode(1);
  const least = stored.reduce((a, b) => Math.min(a, b));
  const greatest = stored.reduce((a, b) => Math.max(a, b));
  return Math.abs(least - min) <= 1 && Math.abs(greatest - max) <= 1;
}

const HEAD = [
  '# Conformance: the pixels of DICOM files',
  '',
  'Made by `UPDATE=1 npx vitest run --project imaging imaging/test/conformance.test.ts`; a test fails when it drifts.',
  'Each file of the test data is decoded by `inspectDicom`, and the SHA-256 of all its stored values is compared with',
  'that of pydicom 3.0.2 and pylibjpeg. _Exact_: every bit agrees. _Within 1_: of a lossy 8-bit JPEG, whose decoders',
  'may round differently, the least and the greatest stored value are at most one grey level from pydicom\u2019s; the',
  'comparison of every pixel is in `bench/imaging`. _Refused_: with that code (see [errors](errors.md)), never decoded',
  'to something else. Whether a decoded image can be classified is a later question: the MR and the OT are not CT.',
  '',
];

function cellsOf(row: Expected, result: string): readonly string[] {
  const syntax =
    row.transferSyntax === '' ? '' : `${nameOf(row.transferSyntax) ?? ''} \`${row.transferSyntax}\``;
  const bits = row.bitsAllocated > 0 ? `${row.bitsStored} / ${row.bitsAllocated}` : '';
  const sign = row.bitsAllocated > 0 ? (row.signed ? 'signed' : 'unsigned') : '';
  return [row.path.replace(/^dicom\//, ''), syntax, String(row.frames || ''), bits, sign, result];
}

/** Aligned as the formatter of this repository aligns tables. */
function tableOf(rows: readonly (readonly string[])[]): readonly string[] {
  const head = ['file', 'transfer syntax', 'frames', 'bits stored / allocated', 'sign', 'result'];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [lineOf(head), lineOf(widths.map((width) => '-'.repeat(width))), ...rows.map(lineOf)];
}
