/** A picture for the encoder: samples by pixel, unsigned, of `bits` bits. */
export type LosslessPicture = {
  readonly rows: number;
  readonly columns: number;
  readonly components: 1 | 3;
  readonly bits: number;
  readonly samples: Uint16Array;
  readonly selection: number;
  readonly pointTransform: number;
  /** Rows of a restart interval; 0 for none. */
  readonly restartRows: number;
  /** Components in one scan, or in one each. */
  readonly interleaved: boolean;
  /** A Huffman table for each component, by turns. */
  readonly tables: readonly Lengths[];
};

/** The code length of each category (SSSS 0 to 16), which makes a whole table. */
export type Lengths = readonly number[];

/** All codes short; the longest are of 5 bits. */
export const flatTable: Lengths = Array.from({ length: 17 }, (_, ssss) => (ssss < 15 ? 4 : 5));
/** One bit more for each category, to 16 bits: the longest code with its difference has 31. */
export const steepTable: Lengths = Array.from({ length: 17 }, (_, ssss) => Math.min(16, ssss + 1));

/** Lossless JPEG, process 14 (ISO/IEC 10918-1 annex H), for tests of the decoder alone: simple, and slow. */
export function encodeJpegLossless(picture: LosslessPicture): Uint8Array {
  const { rows, columns, components, bits } = picture;
  const all = Array.from({ length: components }, (_, at) => at);
  const bytes: number[] = [0xff, 0xd8];
  segment(bytes, 0xfe, [...Buffer.from('not of a patient')]);
  segment(bytes, 0xc3, [
    bits,
    ...word(rows),
    ...word(columns),
    components,
    ...all.flatMap((at) => [at + 1, 0x11, 0]),
  ]);
  for (const [destination, lengths] of picture.tables.entries())
    segment(bytes, 0xc4, huffman(destination, lengths));
  if (picture.restartRows > 0) segment(bytes, 0xdd, word(picture.restartRows * columns));
  for (const scan of picture.interleaved ? [all] : all.map((at) => [at])) {
    const table = (at: number) => at % picture.tables.length;
    const header = scan.flatMap((at) => [at + 1, table(at) << 4]);
    segment(bytes, 0xda, [scan.length, ...header, picture.selection, 0, picture.pointTransform]);
    encodeScan(bytes, picture, scan, (at) => codesOf(picture.tables[table(at)] ?? []));
  }
  bytes.push(0xff, 0xd9);
  return Uint8Array.from(bytes);
}

type Code = { readonly code: number; readonly length: number };

function encodeScan(
  bytes: number[],
  picture: LosslessPicture,
  scan: readonly number[],
  codes: (component: number) => readonly Code[],
): void {
  const { rows, columns, restartRows } = picture;
  const byComponent = new Map(scan.map((component) => [component, codes(component)]));
  let bits: number[] = [];
  const flush = () => {
    while (bits.length % 8 !== 0) bits.push(1);
    for (let at = 0; at < bits.length; at += 8) {
      const byte = bits.slice(at, at + 8).reduce((sum, bit) => sum * 2 + bit, 0);
      bytes.push(byte, ...(byte === 0xff ? [0] : []));
    }
    bits = [];
  };
  for (let row = 0; row < rows; row += 1) {
    const restarts = restartRows > 0 && row % restartRows === 0;
    if (restarts && row > 0) {
      flush();
      bytes.push(0xff, 0xd0 + ((row / restartRows - 1) % 8));
    }
    for (let column = 0; column < columns; column += 1) {
      for (const component of scan) {
        const difference = differenceAt(picture, row, column, component, row === 0 || restarts);
        put(bits, byComponent.get(component) ?? [], difference);
      }
    }
  }
  flush();
}

/** H.1.2.1: modulo 2^16, from -32767 to 32768. */
function differenceAt(
  picture: LosslessPicture,
  row: number,
  column: number,
  component: number,
  first: boolean,
) {
  const at = (up: number, left: number) => {
    const index = ((row - up) * picture.columns + column - left) * picture.components + component;
    return (picture.samples[index] ?? 0) >> picture.pointTransform;
  };
  const predicted = () => {
    if (first) return column === 0 ? 2 ** (picture.bits - picture.pointTransform - 1) : at(0, 1);
    if (column === 0) return at(1, 0);
    const [a, b, c] = [at(0, 1), at(1, 0), at(1, 1)];
    const choices = [a, b, c, a + b - c, a + Math.floor((b - c) / 2), b + Math.floor((a - c) / 2)];
    return choices[picture.selection - 1] ?? Math.floor((a + b) / 2);
  };
  const difference = (((at(0, 0) - predicted()) % 65_536) + 65_536) % 65_536;
  return difference > 32_768 ? difference - 65_536 : difference;
}

function put(bits: number[], codes: readonly Code[], difference: number): void {
  const category = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
  const { code, length } = codes[category] ?? { code: 0, length: 0 };
  push(bits, code, length);
  if (category < 16) push(bits, difference < 0 ? difference + 2 ** category - 1 : difference, category);
}

function push(bits: number[], value: number, count: number): void {
  for (let bit = count - 1; bit >= 0; bit -= 1) bits.push(Math.floor(value / 2 ** bit) % 2);
}

/** Canonical codes (C.2), the shorter first, equal lengths in the order of their categories. */
function codesOf(lengths: Lengths): readonly Code[] {
  const codes: Code[] = [];
  let code = 0;
  for (let length = 1; length <= 16; length += 1) {
    for (const category of categoriesOf(lengths, length)) {
      codes[category] = { code, length };
      code += 1;
    }
    code *= 2;
  }
  return codes;
}

function huffman(destination: number, lengths: Lengths): readonly number[] {
  const byLength = Array.from({ length: 16 }, (_, at) => categoriesOf(lengths, at + 1));
  return [destination, ...byLength.map((categories) => categories.length), ...byLength.flat()];
}

function categoriesOf(lengths: Lengths, length: number): readonly number[] {
  return lengths.flatMap((own, category) => (own === length ? [category] : []));
}

function segment(bytes: number[], marker: number, body: readonly number[]): void {
  bytes.push(0xff, marker, ...word(body.length + 2), ...body);
}

const word = (value: number) => [value >> 8, value & 0xff];
