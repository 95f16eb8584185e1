/** What `hilum inspect` found, for a person: a block for each series, a table of what is none. */
import { transferSyntaxName } from '@hilum/imaging';
import { table } from '../demo/screen.ts';
import { printable } from '../printable.ts';
import type { Inspected } from './inspect-facts.ts';
import type { Group } from './inspect-files.ts';

export function seriesText(group: Extract<Group, { kind: 'series' }>, number: number): string {
  const { series, files } = group;
  const decoded = files.filter(({ huRange }) => huRange !== undefined);
  const lungs = files.filter(({ lungFraction = 0 }) => lungFraction > 0);
  const refusedFiles = files.filter(({ refusal }) => refusal !== undefined);
  const rows = [
    ['image', join(`${series.columns} x ${series.rows}`, millimetres(series.pixelSpacing))],
    ['slices', slices(group)],
    ['kernel', series.kernel],
    ['syntax', [...new Set(files.map(({ transferSyntax }) => syntax(transferSyntax)))].join('; ')],
    ['HU', decoded.length === 0 ? undefined : range(decoded)],
    ['lungs', `on ${lungs.length} of ${files.length} ${files.length === 1 ? 'file' : 'files'}`],
    ...series.warnings.map(({ code, message }) => ['note', `${code}: ${message}`]),
    ...refusedFiles.slice(0, LISTED).map(refusedRow),
    ...(refusedFiles.length > LISTED
      ? [['refused', `and ${refusedFiles.length - LISTED} more files; --json lists all`]]
      : []),
    ['verdict', verdict(group)],
  ].filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '');
  const title = join(`Series ${number}: CT`, series.plane, series.bodyPart?.toLowerCase());
  return `${printable(title)}\n${table(rows.map(([name, text]) => [`  ${name}`, printable(text)]))}`;
}

export function refusedText(files: readonly Inspected[]): string {
  const rows = files.map((file) => [
    `  ${printable(file.file)}`,
    printable(file.modality ?? file.format ?? '-'),
    file.rows === undefined ? '-' : `${file.columns} x ${file.rows}`,
    file.refusal === undefined ? 'can be classified' : `${file.refusal.code}: ${file.refusal.text}`,
  ]);
  return `Other files\n${table([['  FILE', 'KIND', 'SIZE', 'VERDICT'], ...rows])}`;
}

const LISTED = 5;

function slices({ series }: Extract<Group, { kind: 'series' }>): string {
  const [first, last] = [series.slices[0], series.slices.at(-1)];
  const extent =
    first?.positionMm === undefined || last?.positionMm === undefined || series.slices.length < 2
      ? undefined
      : `from ${number(first.positionMm)} to ${number(last.positionMm)} mm`;
  return join(
    String(series.slices.length),
    series.spacingMm === undefined ? undefined : `every ${number(series.spacingMm)} mm`,
    extent,
    series.sliceThicknessMm === undefined ? undefined : `${number(series.sliceThicknessMm)} mm thick`,
    backwards(series.slices.map(({ facts }) => facts.instanceNumber))
      ? 'instance numbers run against the position'
      : undefined,
  );
}

function backwards(numbers: readonly (number | undefined)[]): boolean {
  return (
    numbers.length > 1 &&
    numbers.every((value, at) => at === 0 || (value ?? Infinity) < (numbers[at - 1] ?? -Infinity))
  );
}

function range(files: readonly Inspected[]): string {
  const least = Math.min(...files.map(({ huRange }) => huRange?.[0] ?? Infinity));
  const most = Math.max(...files.map(({ huRange }) => huRange?.[1] ?? -Infinity));
  const lossy = Math.max(...files.map(({ lossyRatio }) => lossyRatio ?? 0));
  return join(`${number(least)} to ${number(most)}`, lossy > 0 ? `lossy, up to ${lossy}:1` : undefined);
}

function refusedRow({ file, refusal }: Inspected): [string, string] {
  return ['refused', `${file}: ${refusal?.code}: ${refusal?.text}`];
}

function verdict({ series, files }: Extract<Group, { kind: 'series' }>): string {
  if (series.refusal !== undefined) return `refused, ${series.refusal.code}: ${series.refusal.text}`;
  const bad = files.filter(({ refusal }) => refusal !== undefined).length;
  if (bad === 0) return 'can be classified';
  return bad === files.length
    ? 'refused: no file can be classified'
    : `${bad} of ${files.length} files are refused`;
}

function syntax(uid: string | undefined): string {
  return uid === undefined ? 'unknown' : (transferSyntaxName(uid) ?? uid);
}

function millimetres(spacing: readonly [number, number] | undefined): string | undefined {
  return spacing === undefined ? undefined : `${number(spacing[1])} x ${number(spacing[0])} mm a pixel`;
}

const number = (value: number): string => String(Number(value.toFixed(2)));

const join = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== '').join(', ');
