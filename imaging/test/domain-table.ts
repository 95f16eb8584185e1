/** What the domain check says of real pictures and slices, for the tables of docs/preprocessing.md. */
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { checkDomain, decodeImage, ImagingError, type GreyImage, type HuImage } from '../src/index.ts';
import { pictureTraits } from '../src/domain/ct-picture.ts';
import { expectedPixels, realFile, realPath } from './real-files.ts';
import { render } from './render.ts';

/** Both tables, as Markdown. `photos` is the folder of samplePhotosDir. */
export async function domainTables(photos: string): Promise<string> {
  const sets = [...(await Promise.all(PICTURE_SETS.map(pictureSetRow))), ...(await renderedRows())];
  const rows = await photoRows(photos);
  return `${table(
    [
      'pictures',
      'taken',
      'darkest level, at most',
      'dark share, at least',
      'of its edge',
      'of its brightest corner',
    ],
    sets.map(({ name, pictures, taken, darkest, dark, edgeDark, cornerDark }) => [
      name,
      `${taken} of ${pictures}`,
      String(darkest),
      dark.toFixed(2),
      edgeDark.toFixed(2),
      cornerDark.toFixed(2),
    ]),
  )}

${table(
  ['picture', 'as it is', 'with its colour taken away'],
  rows.map(({ name, asItIs, asGrey }) => [`\`${name}\``, asItIs, asGrey]),
)}
`;
}

/** Padded, as the formatter of the repository leaves it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, at) =>
    Math.max(name.length, ...rows.map((cells) => cells[at]?.length ?? 0)),
  );
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...rows].map((cells) => tableLine(cells, widths)).join('\n');
}

function tableLine(cells: readonly string[], widths: readonly number[]): string {
  return `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
}

/** Taken, or the text of the refusal after its colon. */
type Verdict = 'taken' | `refused: ${string}`;

type PhotoRow = { readonly name: string; readonly asItIs: Verdict; readonly asGrey: Verdict };

/** Each picture of a folder, as it is and with its colour taken away. */
async function photoRows(folder: string): Promise<readonly PhotoRow[]> {
  const rows: PhotoRow[] = [];
  for (const name of readdirSync(folder).toSorted()) {
    const image = await grey(readFileSync(join(folder, name)));
    rows.push({ name, asItIs: verdict(image), asGrey: verdict({ ...image, colourfulness: 0 }) });
  }
  return rows;
}

type SetRow = {
  readonly name: string;
  readonly pictures: number;
  readonly taken: number;
  /** The worst of the set. */
  readonly darkest: number;
  readonly dark: number;
  readonly edgeDark: number;
  readonly cornerDark: number;
};

const PICTURE_SETS = ['iq-oth-nccd', 'lidc-nodules'] as const;

async function pictureSetRow(set: (typeof PICTURE_SETS)[number]): Promise<SetRow> {
  const files = readdirSync(realPath(set), { recursive: true, encoding: 'utf8' });
  const images: GreyImage[] = [];
  for (const file of files.filter((name) => ['.jpg', '.png'].includes(extname(name)))) {
    images.push(await grey(realFile(join(set, file))));
  }
  return setRow(set, images);
}

const WINDOWS = [
  ['lung −600/1500', { center: -600, width: 1500 }],
  ['wide lung −600/2000', { center: -600, width: 2000 }],
  ['mediastinum 40/400', { center: 40, width: 400 }],
  ['bone 400/1800', { center: 400, width: 1800 }],
] as const;

/** Every whole CT slice of the data folder that can be decoded, in the windows that viewers offer. */
async function renderedRows(): Promise<readonly SetRow[]> {
  const slices: HuImage[] = [];
  // The neck of bad_sequence is zoomed in to, CT_small is a cut.
  const whole = expectedPixels().filter(
    ({ path, modality }) => modality === 'CT' && !/bad_sequence|CT_small/.test(path),
  );
  for (const { path } of whole) {
    const image = await decodeImage(realFile(path)).catch(() => undefined);
    if (image?.kind === 'hu') slices.push(image);
  }
  return WINDOWS.map(([name, window]) =>
    setRow(
      `DICOM, ${name}`,
      slices.map((slice) => render(slice, window)),
    ),
  );
}

function setRow(name: string, images: readonly GreyImage[]): SetRow {
  const traits = images.map(pictureTraits);
  const least = (of: (trait: (typeof traits)[number]) => number): number => Math.min(...traits.map(of));
  return {
    name,
    pictures: images.length,
    taken: images.filter((image) => verdict(image) === 'taken').length,
    darkest: Math.max(...traits.map(({ darkest }) => darkest)),
    dark: least(({ dark }) => dark),
    edgeDark: least(({ edgeDark }) => edgeDark),
    cornerDark: least(({ cornersDark }) => Math.min(...cornersDark)),
  };
}

async function grey(bytes: Uint8Array): Promise<GreyImage> {
  const image = await decodeImage(bytes);
  if (image.kind !== 'grey') throw new TypeError('not a picture');
  return image;
}

function verdict(image: GreyImage): Verdict {
  try {
    checkDomain(image, { domain: 'ct-picture' });
    return 'taken';
  } catch (error) {
    if (!(error instanceof ImagingError) || error.code !== 'OUT_OF_DOMAIN') throw error;
    return `refused: ${error.message.replace(/^.*: /, '').replace(/\.$/, '')}`;
  }
}
