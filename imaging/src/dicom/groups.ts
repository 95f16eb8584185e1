import type { DataSet } from 'dicom-parser';
import { items } from './data-set.ts';
import type { Header } from './header.ts';
import { TAGS } from './tags.ts';

/**
 * Where an attribute of frame `n` (from 1) is looked for, best place first: the frame's own functional group
 * `macro`, the shared one (PS3.3 C.7.6.16), what a legacy converted object could not assign, the data set itself.
 */
export function placesOf({ data, groups }: Header, n: number, macro: number): readonly DataSet[] {
  const own = groups.perFrame[n - 1];
  return [
    ...items(own, macro).slice(0, 1),
    ...items(groups.shared, macro).slice(0, 1),
    ...items(own, TAGS.perFrameConverted).slice(0, 1),
    ...items(groups.shared, TAGS.sharedConverted).slice(0, 1),
    data,
  ];
}

/** The first place's answer that is one. */
export function firstOf<T>(
  places: readonly DataSet[],
  read: (data: DataSet) => T | undefined,
): T | undefined {
  for (const place of places) {
    const found = read(place);
    if (found !== undefined) return found;
  }
  return undefined;
}
