/**
 * Capital letters, digits and some signs, 5 wide and 7 high: one digit of base 32 for each row from the top, its
 * highest bit at the left. Drawn for this project, so that burned-in text needs no font file and no rasteriser.
 */
const GLYPHS: Readonly<Record<string, string>> = {
  A: 'EHHVHHH',
  B: 'UHHUHHU',
  C: 'EHGGGHE',
  D: 'UHHHHHU',
  E: 'VGGUGGV',
  F: 'VGGUGGG',
  G: 'EHGNHHE',
  H: 'HHHVHHH',
  I: 'E44444E',
  J: '72222IC',
  K: 'HIKOKIH',
  L: 'GGGGGGV',
  M: 'HRLLHHH',
  N: 'HHPLJHH',
  O: 'EHHHHHE',
  P: 'UHHUGGG',
  Q: 'EHHHLID',
  R: 'UHHUKIH',
  S: 'FGGE11U',
  T: 'V444444',
  U: 'HHHHHHE',
  V: 'HHHHHA4',
  W: 'HHHLLRH',
  X: 'HHA4AHH',
  Y: 'HHA4444',
  Z: 'V1248GV',
  0: 'EHJLPHE',
  1: '4C4444E',
  2: 'EH1248V',
  3: 'V2421HE',
  4: '26AIV22',
  5: 'VGU11HE',
  6: '68GUHHE',
  7: 'V124888',
  8: 'EHHEHHE',
  9: 'EHHF12C',
  ' ': '0000000',
  '-': '000E000',
  '.': '00000CC',
  ',': '00000C8',
  ':': '0CC0CC0',
  '%': 'OP248J3',
  '/': '01248G0',
  '(': '2488842',
  ')': '8422248',
  '+': '044V440',
  '=': '00V0V00',
  _: '000000V',
  '?': 'EH12404',
};

const WIDTH = 5;
const HEIGHT = 7;
/** From one character to the next, and from one line to the next, in dots. */
const ADVANCE = WIDTH + 1;
export const LINE_DOTS = HEIGHT + 3;

/** Dots that a line of so many characters is wide. */
export function lineDots(characters: number): number {
  return characters * ADVANCE - 1;
}

/** Calls back with each dot of one line, from its top left; small letters are drawn as capitals, others as `?`. */
export function drawLine(line: string, dot: (row: number, column: number) => void): void {
  for (const [index, character] of Array.from(line.toUpperCase()).entries()) {
    const glyph = GLYPHS[character] ?? GLYPHS['?'] ?? '';
    for (let row = 0; row < HEIGHT; row += 1) {
      const bits = Number.parseInt(glyph[row] ?? '0', 32);
      for (let column = 0; column < WIDTH; column += 1) {
        if ((bits >> (WIDTH - 1 - column)) & 1) dot(row, index * ADVANCE + column);
      }
    }
  }
}

/** Breaks at spaces, so that no line has more than so many characters; a longer word is cut. */
export function wrap(text: string, characters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').map((each) => each.slice(0, Math.max(1, characters)))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= characters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
