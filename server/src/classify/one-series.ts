/** The one CT series among the files that a client sent. */
import { ImagingError, type RefusedSource, type Series } from '@hilum/imaging';
import { ServerError } from '../errors.ts';
import type { Sources } from './sources.ts';

export interface Scanned {
  readonly series: readonly Series[];
  readonly refused: readonly RefusedSource[];
}

/**
 * Scouts come with most studies: a series of nothing else is stepped over where there is another one.
 *
 * @throws ServerError SERIES_SEVERAL, SERIES_OF_PICTURES; ImagingError why there is none
 */
export function oneSeries(
  { series, refused }: Scanned,
  sources: Pick<Sources, 'pictures'>,
): { readonly series: Series; readonly refused: readonly RefusedSource[] } {
  const scouts = series.filter(({ refusal }) => refusal?.code === 'LOCALIZER');
  const others = series.filter((each) => !scouts.includes(each));
  const [found, ...more] = others.length === 0 ? scouts : others;
  if (more.length > 0) {
    throw new ServerError('SERIES_SEVERAL', `the files are of ${more.length + 1} series; send one at a time`);
  }
  if (found === undefined) throw noneOf(refused, sources.pictures());
  if (others.length === 0) return { series: found, refused };
  return { series: found, refused: [...refused, ...scouts.flatMap(filesOf)] };
}

function noneOf(refused: readonly RefusedSource[], pictures: number): Error {
  if (pictures > 0) {
    return new ServerError('SERIES_OF_PICTURES', `${pictures} of ${refused.length} files are pictures`);
  }
  const [first] = refused;
  const codes = Map.groupBy(refused, ({ code }) => code);
  if (first !== undefined && codes.size === 1) return new ImagingError(first.code, first.text);
  const counts = [...codes].map(([code, files]) => `${code} (${files.length})`).join(', ');
  return new ImagingError('SERIES_EMPTY', `None of ${refused.length} files is a slice of CT: ${counts}.`);
}

function filesOf({ slices, refusal }: Series): readonly RefusedSource[] {
  const names = new Set(slices.map(({ source }) => source.name));
  return [...names].map((name) => ({
    name,
    code: refusal?.code ?? 'LOCALIZER',
    text: refusal?.text ?? '',
  }));
}
