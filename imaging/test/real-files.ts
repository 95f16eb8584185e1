import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '../..');
const data = resolve(repository, process.env['HILUM_DATA'] ?? '../shared/data');

/** Why tests on real files are skipped, or false. */
export const noData: string | false = existsSync(data)
  ? false
  : 'no data: set HILUM_DATA to the folder of real images';

export const realPath = (path: string): string => resolve(data, path);

export function realFile(path: string): Uint8Array {
  return readFileSync(realPath(path));
}

/** One row of expected-pixels.csv: what pydicom 3.0.2 decodes. */
export type Expected = {
  readonly path: string;
  readonly transferSyntax: string;
  readonly modality: string;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly slope: number;
  readonly intercept: number;
  readonly min: number;
  readonly max: number;
  /** Of the stored values as little-endian int32; '' where pydicom refuses the file. */
  readonly sha256: string;
};

export function expectedPixels(): readonly Expected[] {
  if (noData !== false) return [];
  const table = readFileSync(resolve(data, 'dicom/expected-pixels.csv'), 'utf8').trim().split('\n').slice(1);
  return table.map((line) => {
    const cell = line.split(',');
    const number = (at: number) => Number(cell[at]);
    return {
      path: cell[0] ?? '',
      transferSyntax: cell[1] ?? '',
      modality: cell[2] ?? '',
      rows: number(4),
      columns: number(5),
      frames: number(6),
      bitsAllocated: number(7),
      bitsStored: number(8),
      signed: cell[9] === '1',
      slope: number(11),
      intercept: number(12),
      min: number(16),
      max: number(17),
      sha256: cell[18] ?? '',
    };
  });
}

export const folderOf = (path: string): string => dirname(path).split('/').at(-1) ?? '';
